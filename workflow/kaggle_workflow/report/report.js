"use strict";
// A dot's details when the pointer, a finger or the keyboard reaches it; and what changed between two chosen submissions.
const REACH = 24;
const HELP = "To see the details of a dot, point at it or tap it. On a keyboard, press Tab, then the arrow keys.";
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
const submissions = new Map(JSON.parse(document.getElementById("data").textContent).map((one) => [one.ref, one]));
const from = document.getElementById("from");
const to = document.getElementById("to");
const changes = document.getElementById("changes");
const allDots = document.querySelectorAll("[data-ref]");

// The dots of a chart are one stop of the Tab key; the arrow keys go from dot to dot, from left to right.
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg");
  const place = (dot, name) => parseFloat(dot.getAttribute(`c${name}`) ?? dot.getAttribute(name));
  const dots = [...svg.querySelectorAll("[data-ref]")].sort((one, other) => place(one, "x") - place(other, "x"));
  const details = chart.parentNode.appendChild(document.createElement("p"));
  details.className = "details";
  details.textContent = HELP;
  svg.setAttribute("role", "listbox");
  svg.setAttribute("aria-multiselectable", "true");
  for (const dot of dots) {
    const title = dot.querySelector("title");
    dot.setAttribute("aria-label", title.textContent);
    dot.setAttribute("role", "option");
    dot.setAttribute("tabindex", dot === dots[0] ? "0" : "-1");
    title.remove();
  }

  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const distance = (dot) => Math.hypot(
      event.clientX - box.left - (place(dot, "x") * box.width) / 100,
      event.clientY - box.top - (place(dot, "y") * box.height) / 100,
    );
    const [least, dot] = dots.map((one) => [distance(one), one]).reduce((one, other) => (other[0] < one[0] ? other : one));
    return event.target.closest("[data-ref]") ?? (least <= REACH ? dot : null);
  };
  const tell = (dot) => {
    document.querySelectorAll(".details").forEach((one) => { one.textContent = HELP; });
    details.textContent = dot.getAttribute("aria-label");
    allDots.forEach((one) => one.classList.toggle("active", one.dataset.ref === dot.dataset.ref));
  };

  chart.addEventListener("pointermove", (event) => {
    const dot = nearest(event);
    if (dot) {
      tell(dot);
    }
  });
  chart.addEventListener("click", (event) => {
    const dot = nearest(event);
    if (dot) {
      tell(dot);
      choose(dot.dataset.ref);
    }
  });
  chart.addEventListener("focusin", (event) => {
    dots.forEach((dot) => dot.setAttribute("tabindex", dot === event.target ? "0" : "-1"));
    tell(event.target);
  });
  chart.addEventListener("keydown", (event) => {
    const index = dots.indexOf(event.target);
    if (event.key in STEPS) {
      dots[Math.min(dots.length - 1, Math.max(0, index + STEPS[event.key]))].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(event.target.dataset.ref);
    } else {
      return;
    }
    event.preventDefault();
  });
}

function cell(row, tag, text) {
  row.appendChild(document.createElement(tag)).textContent = text;
}

function difference(before, after) {
  if (typeof before !== "number" || typeof after !== "number") {
    return "";
  }
  const change = Number((after - before).toPrecision(4));
  return (change > 0 ? "+" : "") + change;
}

function choose(ref) {
  // A setting of a sweep is no submission.
  if (from && submissions.has(ref) && ref !== to.value) {
    from.value = to.value;
    to.value = ref;
    show();
  }
}

function show() {
  const before = submissions.get(from.value);
  const after = submissions.get(to.value);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => name !== "ref" && before[name] !== after[name]);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  cell(head, "td", "");
  for (const text of ["from", "to", "change"]) {
    cell(head, "th", text);
  }
  const body = table.createTBody();
  for (const name of names) {
    const row = body.insertRow();
    cell(row, "th", name);
    cell(row, "td", before[name] ?? "–");
    cell(row, "td", after[name] ?? "–");
    cell(row, "td", difference(before[name], after[name]));
  }
  const parts = [table];
  if (before["git commit"] && after["git commit"] && before["git commit"] !== after["git commit"]) {
    const line = document.createElement("p");
    line.textContent = "To see the code that changed, run this in the workspace: ";
    line.appendChild(document.createElement("code")).textContent =
      `git diff ${before["git commit"]} ${after["git commit"]} -- codes`;
    parts.push(line);
  }
  if (names.length === 0) {
    const line = document.createElement("p");
    line.textContent = before === after ? "Both are the same submission." : "The ledger knows of no difference.";
    parts.splice(0, parts.length, line);
  }
  changes.replaceChildren(...parts);
  for (const dot of allDots) {
    const chosen = dot.dataset.ref === from.value || dot.dataset.ref === to.value;
    dot.classList.toggle("chosen", chosen);
    dot.setAttribute("aria-selected", String(chosen));
  }
}

if (from) {
  from.selectedIndex = 1;
  from.addEventListener("change", show);
  to.addEventListener("change", show);
  show();
}
