// Pleasanter, never needed: buttons that copy what stands beside them.
"use strict";

// A day ends when it does for whoever chooses it.
for (const field of document.querySelectorAll("input[data-utc-offset]")) {
  if (field.value === "") field.value = String(-new Date().getTimezoneOffset());
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  // Only where the page is secured, or on loopback, does a browser let a page write there.
  if (!source || !navigator.clipboard) continue;
  const said = document.createElement("span");
  said.className = "unseen";
  said.setAttribute("role", "status");
  button.after(said);
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Copied.";
      button.classList.add("copied-now");
    } catch {
      said.textContent = "The browser did not let the page copy it.";
    }
    setTimeout(() => {
      said.textContent = "";
      button.classList.remove("copied-now");
    }, 4000);
  });
}
