// Pleasanter, never needed: what is selected is counted, and days are written as the reader writes them.
"use strict";

const choice = document.getElementById("choice");
if (choice) {
  const boxes = [...choice.querySelectorAll("input[name=item]")];
  const all = choice.querySelector("input[data-all]");
  const button = choice.querySelector("button[data-selected]");
  const count = () => {
    const chosen = boxes.filter(box => box.checked).length;
    if (button) button.disabled = chosen === 0;
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
  };
  if (all && boxes.length > 1) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      count();
    });
  }
  for (const box of boxes) box.addEventListener("change", count);
  // A browser that comes back to the page has kept what was ticked.
  addEventListener("pageshow", count);
  count();
}

for (const time of document.querySelectorAll("time[datetime]")) {
  const day = new Date(time.dateTime);
  const written = time.querySelector("bdi") ?? time;
  const plain = time.dateTime.slice(0, 10);
  if (!Number.isNaN(day.valueOf()) && written.textContent.includes(plain)) {
    const words = day.toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
    written.textContent = written.textContent.replace(plain, words);
  }
}

// A page that was opened says so once in a window; whoever has no script is counted as they download.
const viewed = document.querySelector("[data-viewed]")?.dataset.viewed;
if (viewed && !sessionStorage.getItem(viewed)) {
  fetch(viewed, { method: "POST", keepalive: true })
    .then(answer => { if (answer.ok) sessionStorage.setItem(viewed, "1"); })
    .catch(() => {});
}
