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

// The part of a picture that is wanted: drawn, dragged and made larger on the picture, or by keys. The
// numbers beside it say the same, and are what is sent.
for (const sheet of document.querySelectorAll("[data-crop]")) {
  const shown = document.querySelector(".preview img");
  const part = sheet.querySelector(".part");
  const hint = document.getElementById("crop-keys");
  const [left, top, width, height] =
    ["x", "y", "width", "height"].map(name => document.getElementById(`crop-${name}`));
  const whole = { width: Number(sheet.dataset.width), height: Number(sheet.dataset.height) };
  const within = (value, least, most) => Math.min(Math.max(Math.round(value), least), Math.max(most, least));
  const said = field => field.value === "" ? null : Number(field.value);
  const area = () => ({
    x: said(left) ?? 0, y: said(top) ?? 0, width: said(width) ?? whole.width, height: said(height) ?? whole.height
  });
  const draw = () => {
    const { x, y, width, height } = area();
    part.style.left = `${x / whole.width * 100}%`;
    part.style.top = `${y / whole.height * 100}%`;
    part.style.width = `${width / whole.width * 100}%`;
    part.style.height = `${height / whole.height * 100}%`;
  };
  const say = ({ x, y, width: wide, height: high }) => {
    left.value = within(x, 0, whole.width - 1);
    top.value = within(y, 0, whole.height - 1);
    width.value = within(wide, 1, whole.width - left.value);
    height.value = within(high, 1, whole.height - top.value);
    draw();
  };
  const moved = (from, x, y) => say({
    ...from, x: within(x, 0, whole.width - from.width), y: within(y, 0, whole.height - from.height)
  });
  for (const field of [left, top, width, height]) field.addEventListener("input", draw);
  let held = null;
  const point = event => {
    const box = sheet.getBoundingClientRect();
    return {
      x: within((event.clientX - box.left) / box.width * whole.width, 0, whole.width),
      y: within((event.clientY - box.top) / box.height * whole.height, 0, whole.height)
    };
  };
  sheet.addEventListener("pointerdown", event => {
    const at = point(event);
    const box = part.getBoundingClientRect();
    const corner = event.clientX > box.right - 20 && event.clientY > box.bottom - 20;
    const from = area();
    const isWhole = from.width >= whole.width && from.height >= whole.height;
    const how = event.target !== part || isWhole ? "draw" : corner ? "size" : "move";
    held = { at: how === "size" ? { x: from.x, y: from.y } : at, from, how };
    sheet.setPointerCapture(event.pointerId);
    part.focus({ preventScroll: true });
    event.preventDefault();
  });
  sheet.addEventListener("pointermove", event => {
    if (!held) return;
    const { at, from, how } = held;
    const to = point(event);
    if (how === "move") {
      moved(from, from.x + to.x - at.x, from.y + to.y - at.y);
    } else {
      const [x, y] = [Math.min(at.x, to.x), Math.min(at.y, to.y)];
      say({ x, y, width: Math.abs(to.x - at.x), height: Math.abs(to.y - at.y) });
    }
  });
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, () => { held = null; });
  part.addEventListener("keydown", event => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Delete" || event.key === "Backspace") {
      for (const field of [left, top, width, height]) field.value = "";
      draw();
    } else if (step) {
      const from = area();
      const [across, down] = [step[0] * Math.max(whole.width / 100, 1), step[1] * Math.max(whole.height / 100, 1)];
      if (event.shiftKey) say({ ...from, width: from.width + across, height: from.height + down });
      else moved(from, from.x + across, from.y + down);
    } else return;
    event.preventDefault();
  });
  const begin = () => {
    // A picture that lies on its side in the file stands upright here.
    const ratio = shown.naturalWidth / shown.naturalHeight;
    const fits = () => Math.abs(ratio * whole.height / whole.width - 1) < .05;
    if (!fits()) [whole.width, whole.height] = [whole.height, whole.width];
    if (!fits()) return;
    const picture = document.createElement("img");
    picture.alt = "";
    picture.draggable = false;
    picture.src = shown.currentSrc;
    sheet.prepend(picture);
    sheet.hidden = false;
    hint.hidden = false;
    draw();
  };
  const details = sheet.closest("details");
  const ready = () => { if (details.open && !sheet.querySelector("img") && shown?.naturalWidth) begin(); };
  details.addEventListener("toggle", ready);
  shown?.addEventListener("load", ready);
  ready();
}

addEventListener("keydown", event => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.("input, select, textarea, audio, video, [data-turning]")) return;
  const forwards = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  const wanted = event.key === forwards ? "next" : ["ArrowLeft", "ArrowRight"].includes(event.key) ? "prev" : null;
  const way = wanted && document.querySelector(`nav a[rel=${wanted}]`);
  if (way) location.assign(way.href);
});
