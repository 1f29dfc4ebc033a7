// Keys of `hsir browse`. Everything works without this script, by links and forms.
"use strict";
const help = document.querySelector("#keys");
const links = [...document.querySelectorAll("a.open")];
const follow = rel => document.querySelector(`a[rel=${rel}]`)?.click();

// In the list, j and k mark a question; behind its last one comes the next page. On a question they open its neighbour.
function step(by) {
  const rel = by > 0 ? "next" : "prev";
  if (!links.length) return follow(rel);
  const next = links[links.indexOf(document.activeElement) + by];
  if (next && by + links.indexOf(document.activeElement) >= 0) next.focus();
  else if (links.indexOf(document.activeElement) >= 0) follow(rel);
}

function toggle() {
  const all = [...document.querySelectorAll("details.answer")];
  const open = !all.every(one => one.open);
  for (const one of all) one.open = open;
}

const keys = {
  j: () => step(1),
  k: () => step(-1),
  n: () => follow("next"),
  p: () => follow("prev"),
  u: () => follow("up"),
  o: toggle,
  "/": () => document.querySelector("#search") ? document.querySelector("#search").focus() : follow("up"),
  "?": () => help.open ? help.close() : help.showModal(),
};

document.addEventListener("keydown", event => {
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
document.querySelector("#help").addEventListener("click", keys["?"]);
for (const select of document.querySelectorAll("#filters select"))
  select.addEventListener("change", () => select.form.requestSubmit());
