"use strict";
// What changed between two submissions: two lists to choose from, the points of the pictures to click, one table of what differs.
const submissions = new Map(JSON.parse(document.getElementById("data").textContent).map((one) => [one.ref, one]));
const from = document.getElementById("from");
const to = document.getElementById("to");
const changes = document.getElementById("changes");

function cell(row, tag, text) {
  row.appendChild(document.createElement(tag)).textContent = text;
}

function difference(name, before, after) {
  if (typeof before !== "number" || typeof after !== "number") {
    return "";
  }
  const change = Number((after - before).toPrecision(4));
  return (change > 0 ? "+" : "") + change;
}

function show() {
  const before = submissions.get(from.value);
  const after = submissions.get(to.value);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => name !== "ref" && before[name] !== after[name]);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const text of ["", "from", "to", "change"]) {
    cell(head, "th", text);
  }
  const body = table.createTBody();
  for (const name of names) {
    const row = body.insertRow();
    cell(row, "th", name.replaceAll("_", " "));
    cell(row, "td", before[name] ?? "–");
    cell(row, "td", after[name] ?? "–");
    cell(row, "td", difference(name, before[name], after[name]));
  }
  const parts = [table];
  if (before.git_commit && after.git_commit && before.git_commit !== after.git_commit) {
    const line = document.createElement("p");
    line.textContent = "In the workspace: ";
    line.appendChild(document.createElement("code")).textContent =
      `git diff ${before.git_commit} ${after.git_commit} -- codes`;
    parts.push(line);
  }
  if (names.length === 0) {
    const line = document.createElement("p");
    line.textContent = before === after ? "Both are the same submission." : "Nothing that the ledger knows differs.";
    parts.splice(0, parts.length, line);
  }
  changes.replaceChildren(...parts);
  for (const dots of document.querySelectorAll("[data-ref]")) {
    dots.classList.toggle("chosen", dots.dataset.ref === from.value || dots.dataset.ref === to.value);
  }
}

if (from) {
  from.selectedIndex = 1;
  from.addEventListener("change", show);
  to.addEventListener("change", show);
  document.addEventListener("click", (event) => {
    const dots = event.target.closest("[data-ref]");
    if (dots && dots.dataset.ref !== to.value) {
      from.value = to.value;
      to.value = dots.dataset.ref;
      show();
    }
  });
  show();
}
