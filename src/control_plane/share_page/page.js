// Pleasanter, never needed: what is selected is counted, days are written as the reader writes them, a list
// plays on, a thing turns, and arrow keys lead from one page to the next.
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

// A picture that could not be made while many others were is asked for again.
for (const picture of document.querySelectorAll("img[src*='/preview/']")) {
  let left = 3;
  const again = () => {
    if (left-- > 0) setTimeout(() => { picture.src = picture.src; }, 4000);
  };
  picture.addEventListener("error", again);
  if (picture.complete && picture.naturalWidth === 0 && picture.loading !== "lazy") again();
}

for (const list of document.querySelectorAll("[data-playlist]")) {
  const players = [...list.querySelectorAll("video, audio")];
  players.forEach((player, place) => {
    player.addEventListener("play", () => {
      for (const other of players) if (other !== player) other.pause();
    });
    player.addEventListener("ended", () => {
      const next = players[place + 1];
      if (!next) return;
      next.scrollIntoView({ block: "center" });
      next.play().catch(() => {});
    });
  });
}

// One frame is shown at a time: dragging across the whole width turns it once around.
for (const ring of document.querySelectorAll("[data-turning]")) {
  const frames = [...ring.querySelectorAll("img")];
  let at = 0;
  let held = null;
  const show = next => {
    at = ((next % frames.length) + frames.length) % frames.length;
    frames.forEach((frame, place) => { frame.hidden = place !== at; });
    ring.setAttribute("aria-valuenow", at + 1);
    ring.setAttribute("aria-valuetext", frames[at].alt);
  };
  ring.classList.add("turns");
  ring.setAttribute("role", "slider");
  ring.setAttribute("aria-valuemin", 1);
  ring.setAttribute("aria-valuemax", frames.length);
  const hint = ring.parentElement.querySelector("[data-turning-hint]");
  if (hint) hint.hidden = false;
  ring.addEventListener("pointerdown", event => {
    held = { x: event.clientX, at };
    ring.setPointerCapture(event.pointerId);
  });
  ring.addEventListener("pointermove", event => {
    if (held) show(held.at + Math.round((event.clientX - held.x) * frames.length / ring.clientWidth));
  });
  for (const end of ["pointerup", "pointercancel"]) ring.addEventListener(end, () => { held = null; });
  ring.addEventListener("keydown", event => {
    const to = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: frames.length - 1
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
  show(0);
}

addEventListener("keydown", event => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.("input, select, textarea, audio, video, [data-turning]")) return;
  const forwards = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  const wanted = event.key === forwards ? "next" : ["ArrowLeft", "ArrowRight"].includes(event.key) ? "prev" : null;
  const way = wanted && document.querySelector(`nav a[rel=${wanted}]`);
  if (way) location.assign(way.href);
});
