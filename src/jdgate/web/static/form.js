// Rows that come and go without a reload, the first fault in focus, the verdict when it comes.
// Everything here works without script too, one page more slowly.
"use strict";

const NAMED = ["name", "id", "for", "aria-describedby", "data-row", "data-fault", "list", "value"];

// a row becomes row `number` of its list, in every name that begins with its old place
function renumber(row, list, number) {
  const old = row.dataset.row;
  const now = `${list}.${number}`;
  const moved = (text) => text.split(" ").map((one) => {
    for (const head of ["", "f-", "hint-", "fault-", "list-"]) {
      if (one === head + old || one.startsWith(`${head}${old}.`)) return head + now + one.slice(head.length + old.length);
    }
    return one;
  }).join(" ");
  for (const each of [row, ...row.querySelectorAll("*")]) {
    for (const name of NAMED) {
      if (name === "value" && each.tagName !== "BUTTON") continue;
      if (each.hasAttribute(name)) each.setAttribute(name, moved(each.getAttribute(name)));
    }
  }
  for (const each of row.querySelectorAll("legend, [data-drop]")) {
    if (each.closest("[data-row]") === row) each.textContent = each.textContent.replace(/\d+(?!.*\d)/, number + 1);
  }
}

function rowsOf(list) {
  return [...list.children].filter((one) => one.dataset.row);
}

function blank(row) {
  for (const each of row.querySelectorAll("input, select, textarea")) {
    if (each.type === "radio" || each.type === "checkbox") each.checked = false;
    else each.value = "";
    each.removeAttribute("aria-invalid");
    each.required = false;
  }
  for (const each of row.querySelectorAll(".fault")) each.hidden = true;
}

function count(list) {
  const rows = rowsOf(list);
  rows.forEach((row, at) => renumber(row, list.dataset.rows, at));
  for (const row of rows) row.querySelector(":scope > [data-drop]").hidden = rows.length === 1;
  list.querySelector(":scope > [data-add]").hidden = rows.length >= Number(list.dataset.most);
}

function addRow(list) {
  const rows = rowsOf(list);
  const last = rows[rows.length - 1];
  const added = last.cloneNode(true);
  blank(added);
  renumber(added, list.dataset.rows, rows.length); // before it stands there: radios of one name are one
  last.after(added);
  count(list);
  return added;
}

function dropRow(row) {
  const list = row.closest("[data-rows]");
  row.remove();
  count(list);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add], [data-drop]");
  const list = button && button.closest("[data-rows]");
  if (!list) return;
  event.preventDefault();
  if (button.hasAttribute("data-add")) {
    addRow(list).querySelector("input, select, textarea").focus();
  } else {
    dropRow(button.closest("[data-row]"));
    list.querySelector(":scope > [data-add]").focus();
  }
});

// a form is sent once, however often the button is pressed
for (const form of document.querySelectorAll("[data-form]")) {
  let under = false;
  form.addEventListener("submit", (event) => {
    if (under) event.preventDefault();
    under = true;
  });
  addEventListener("pageshow", () => { under = false; });
}

// typing is what a person does: it keeps the session alive, or a long form would be lost with it
let alive = Date.now();
addEventListener("input", (event) => {
  if (!event.target.closest("[data-form]") || Date.now() - alive < 300000) return;
  alive = Date.now();
  fetch(location.pathname).catch(() => undefined);
});

const wrong = document.querySelector("[aria-invalid=true]");
if (wrong) wrong.focus();

async function verdict() {
  const answer = await fetch(location.pathname, { headers: { "X-Jdgate-Live": "1" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = document.getElementById("verdict");
  const next = page.getElementById("verdict");
  if (next && !next.hasAttribute("data-open")) {
    now.replaceChildren(...next.children);
    now.removeAttribute("data-open");
  }
}

async function follow(tries) {
  if (!document.querySelector("#verdict[data-open]") || tries > 60) return;
  await verdict().catch(() => undefined);
  setTimeout(() => follow(tries + 1), tries < 10 ? 500 : 5000);
}
follow(0);
