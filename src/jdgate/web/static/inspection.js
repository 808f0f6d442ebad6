// The inspection on a phone: differences as one types, drafts kept on the phone until they are sent.
//
// What is kept lies in localStorage under the operator's sign-in name: drafts, the names one gave to
// companies, and which substances a company had. Signing out erases it (desk.js, and the server's
// Clear-Site-Data). A draft has an id of its own, so that posting it again sends nothing twice.
const form = document.getElementById("inspection");
const words = form.dataset;
const list = form.querySelector("[data-rows]");
const line = document.getElementById("line");
const WHO = "jdgate.inspection.who";
const CACHE = "jdgate-inspection";
const [SOON_MS, LATE_MS] = [1000, 30000]; // a connection that is back may take a moment to carry
const PATIENCE_MS = 20000;
if (words.login) localStorage.setItem(WHO, words.login);
const login = words.login || localStorage.getItem(WHO) || "";
const KEY = `jdgate.inspection.${login}`;

const fill = (text, given) => text.replace(/\{(\w+)\}/g, (_, name) => given[name]);
const made = (tag, more = {}) => Object.assign(document.createElement(tag), more);
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
const today = () => new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10); // in China Standard Time

// --- what is kept

function kept() {
  try {
    return { drafts: {}, nicks: {}, companies: {}, ...JSON.parse(localStorage.getItem(KEY) || "{}") };
  } catch {
    return { drafts: {}, nicks: {}, companies: {} };
  }
}

function keep(change) {
  const all = kept();
  change(all);
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    say(words.full, true);
  }
  return all;
}

function say(text, off = false) {
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("off", off);
}

// --- numbers: whole billionths, so that 0.3 less 0.1 less 0.2 is nothing

const plain = (text) => text.normalize("NFKC").replace(/[,，\s]/g, "").replace(/。/g, ".");

function amount(text) {
  const found = /^(\d{1,12})(?:\.(\d{0,9}))?$/.exec(plain(text));
  return found ? BigInt(found[1] + (found[2] || "").padEnd(9, "0")) : null;
}

function shown(billionths) {
  const digits = String(billionths).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
}

function difference(row) {
  const at = row.dataset.row;
  const typed = (name) => form.elements[`${at}.${name}`].value;
  const out = row.querySelector(".difference");
  const [book, stock, loss] = [amount(typed("book_qty")), amount(typed("stock_qty")), amount(typed("loss_qty") || "0")];
  let text = "";
  let off = 0n;
  if (book !== null && stock !== null && loss !== null) {
    off = stock + loss - book;
    const size = off < 0n ? -off : off;
    const tenths = book ? (size * 2000n + book) / (2n * book) : 0n;
    const unit = row.querySelector(`[name="${at}.unit"]:checked`);
    const share = book ? ` (${tenths / 10n}.${tenths % 10n} %)` : "";
    const given = { amount: shown(size), unit: unit ? unit.dataset.word : "" };
    text = off ? fill(off < 0n ? words.less : words.more, given) + share : words.even;
  }
  if (out.textContent !== text) out.textContent = text;
  out.classList.toggle("even", Boolean(text) && !off);
  out.classList.toggle("off", Boolean(off));
}

// --- the form and a draft

const DEFAULT = { unit: "kg" };

function values() {
  const found = {};
  for (const [name, value] of new FormData(form)) {
    if (name !== "form_token" && name !== "own") found[name] = /_qty$/.test(name) ? plain(value) : value;
  }
  return found;
}

const isBlank = (given) => !Object.entries(given).some(([name, value]) => value.trim() && name !== "date" && !/\.(unit|code)$/.test(name));

function put(given) {
  const wanted = 1 + Math.max(0, ...Object.keys(given).map((name) => Number((/^stocks\.(\d+)\./.exec(name) || [0, 0])[1])));
  while (rowsOf(list).length < wanted) addRow(list);
  while (rowsOf(list).length > wanted) dropRow(rowsOf(list).pop());
  for (const each of form.elements) {
    if (!each.name || ["form_token", "own"].includes(each.name) || each.tagName === "BUTTON" || each.name.endsWith(".code")) continue;
    const value = given[each.name] ?? DEFAULT[each.name.split(".").pop()] ?? "";
    if (each.type === "radio" || each.type === "checkbox") each.checked = each.value === value;
    else each.value = value;
  }
  refresh();
}

function begin(id, draft) {
  form.elements.own.value = id;
  put({ date: today(), ...(draft ? draft.values : {}) });
  faults(draft && draft.faults ? draft.faults : {}, Boolean(draft && draft.faults));
  drafts();
}

function refresh() {
  for (const row of rowsOf(list)) {
    const units = [...row.querySelectorAll('[name$=".unit"]')];
    if (!units.some((one) => one.checked)) units[0].checked = true;
    difference(row);
  }
  const uscc = company();
  const all = kept();
  document.getElementById("nick").value = all.nicks[uscc] || "";
  document.getElementById("pick").value = all.companies[uscc] || all.nicks[uscc] ? uscc : "";
  months();
}

const company = () => form.elements.uscc.value.normalize("NFKC").replace(/\s/g, "").toUpperCase();

function months() {
  const day = form.elements.date.value;
  const known = kept().companies[company()];
  const said = day ? [fill(words.month, { month: day.slice(0, 7) })] : [];
  if (known && known.last) said.push(fill(words.last, { day: known.last }));
  document.getElementById("month").textContent = said.join(" · ");
}

function save() {
  const own = form.elements.own.value;
  const given = values();
  keep((all) => {
    if (isBlank(given)) delete all.drafts[own];
    else all.drafts[own] = { values: given, at: Date.now(), state: "open" };
  });
  drafts();
}

// --- what is wrong, as far as the phone can tell

const SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY";

function isUscc(code) {
  if (!/^[0-9A-HJ-NPQRTUWXY]{18}$/.test(code)) return false;
  let sum = 0;
  let weight = 1;
  for (const sign of code.slice(0, 17)) {
    sum += SIGNS.indexOf(sign) * weight;
    weight = (weight * 3) % 31;
  }
  return SIGNS[(31 - (sum % 31)) % 31] === code[17];
}

function wrong(given) {
  const found = {};
  if (!company()) found.uscc = words.missing;
  else if (!isUscc(company())) found.uscc = words.noUscc;
  if (!given.date || given.date > today()) found.date = words.noDay;
  for (const row of rowsOf(list)) {
    const at = row.dataset.row;
    if (!given[`${at}.cas`]) found[`${at}.cas`] = words.missing;
    for (const name of ["book_qty", "stock_qty", "loss_qty"]) {
      const text = given[`${at}.${name}`];
      if (!text && name !== "loss_qty") found[`${at}.${name}`] = words.missing;
      else if (text && amount(text) === null) found[`${at}.${name}`] = words.noNumber;
    }
  }
  if (!Object.entries(given).some(([name, value]) => name.endsWith(".ok") && value)) found.items = words.noItem;
  if (given.fix_by && given.fix_by < given.date) found.fix_by = words.fix;
  return found;
}

function faults(found, focus = true) {
  let first = null;
  for (const each of form.querySelectorAll("[data-fault]")) {
    const path = each.dataset.fault;
    const text = [found[path] || []].flat().join(" ");
    each.textContent = text;
    each.hidden = !text;
    const field = form.elements[path];
    const input = field instanceof Element ? field : null;
    if (input && text) input.setAttribute("aria-invalid", "true");
    else if (input) input.removeAttribute("aria-invalid");
    if (text && !first) first = input || each;
  }
  if (first && focus) {
    if (first.tagName === "P") first.tabIndex = -1;
    first.focus();
    first.scrollIntoView({ block: "center" });
  }
}

// --- drafts and sending

const named = (all, given) => {
  const uscc = (given.uscc || "").trim().toUpperCase();
  return all.nicks[uscc] || uscc || words.unnamed;
};

// the others beside the one in the form, so that nothing moves while one types
function drafts() {
  const all = kept();
  const now = form.elements.own.value;
  const box = document.getElementById("drafts");
  const told = { open: words.kept, waiting: words.held, refused: words.wrong };
  const others = Object.entries(all.drafts).filter(([id]) => id !== now);
  const items = others.sort((one, other) => one[1].at - other[1].at).map(([id, draft]) => {
    const name = named(all, draft.values);
    const item = made("li", { className: `card${draft.state === "refused" ? " wrong" : ""}` });
    const said = [draft.values.date, told[draft.state], draft.why].filter(Boolean).join(" · ");
    const acts = made("div", { className: "acts" });
    for (const [act, text, look] of [["open", words.other, "second"], ["drop", words.drop, "plain"]]) {
      const button = made("button", { type: "button", className: look, textContent: text });
      button.setAttribute("aria-label", `${text}: ${name}`);
      Object.assign(button.dataset, { act, id });
      acts.append(button);
    }
    item.append(made("h3", { textContent: name }), made("p", { className: "hint", textContent: said }), acts);
    return item;
  });
  box.querySelector("ul").replaceChildren(...items);
  box.hidden = !items.length;
  document.getElementById("aside").hidden = isBlank(values());
}

async function ask(path, more = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    return await fetch(path, { ...more, signal: stop.signal, redirect: "error", headers: { accept: "application/json", "X-Jdgate-Live": "1" } });
  } finally {
    clearTimeout(timer);
  }
}

function signIn() {
  say(words.out, true);
  line.append(" ", made("a", { href: "/sign-in?next=/inspection", textContent: words.signIn }));
}

let calm = "";
let sending = null;
let timer = 0;
let pause = SOON_MS;
const flush = () => (sending ??= sendAll().catch(later).finally(() => { sending = null; }));

function later() {
  say(words.off, true);
  clearTimeout(timer);
  timer = setTimeout(flush, pause);
  pause = Math.min(2 * pause, LATE_MS);
}

async function sendAll() {
  const waiting = () => Object.entries(kept().drafts).find(([, draft]) => draft.state === "waiting");
  for (let next = waiting(); next; next = waiting()) {
    const fresh = await ask("/inspection/fresh");
    if (fresh.status === 401) return signIn();
    if (!fresh.ok) return later();
    const { login: here, form_token: token } = await fresh.json();
    if (here !== login) return location.reload();
    say(words.sending);
    if (!(await sendOne(next[0], next[1], token))) return undefined;
  }
  return undefined;
}

async function sendOne(id, draft, token) {
  const body = new URLSearchParams({ ...draft.values, own: id, form_token: token });
  const answer = await ask("/inspection", { method: "POST", body });
  if (answer.status === 401) return signIn();
  if (answer.ok) {
    const { sent } = await answer.json();
    const all = keep((one) => {
      delete one.drafts[id];
      remember(one, draft.values);
    });
    say(calm);
    drafts();
    follow(sent, `${named(all, draft.values)} · ${draft.values.date}`);
    return true;
  }
  if (answer.status !== 422 && answer.status !== 409) {
    later();
    return false;
  }
  const told = answer.status === 422 ? await answer.json() : {};
  keep((all) => { all.drafts[id] = { ...draft, state: "refused", faults: told.faults, why: told.faults ? "" : words.conflict }; });
  say(calm);
  if (isBlank(values())) begin(id, kept().drafts[id]);
  drafts();
  return true;
}

function remember(all, given) {
  const uscc = given.uscc.normalize("NFKC").replace(/\s/g, "").toUpperCase();
  const stocks = Object.keys(given).filter((name) => name.endsWith(".cas") && given[name]).map((name) => [given[name], given[name.replace(/cas$/, "unit")]]);
  const before = all.companies[uscc] || {};
  if (!before.last || before.last <= given.date) all.companies[uscc] = { last: given.date, stocks };
}

async function follow(id, name) {
  const box = document.getElementById("sent");
  const item = made("li");
  const link = made("a", { href: `/forms/sent/${id}`, textContent: name });
  const state = made("span", { textContent: ` · ${words.asked}` });
  item.append(link, state);
  box.querySelector("ul").prepend(item);
  box.hidden = false;
  let now = id;
  for (let tries = 0; tries < 30; tries += 1) {
    const answer = await ask(`/inspection/sent/${now}`).catch(() => null);
    const told = answer && answer.ok ? await answer.json() : { id: now, state: "open" };
    if (told.state !== "open") {
      state.textContent = ` · ${told.state === "accepted" ? words.accepted : words.refused}`;
      return;
    }
    now = told.id;
    await new Promise((resolve) => { setTimeout(resolve, tries < 6 ? 400 : 5000); });
  }
}

// --- without a connection

async function prepare() {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return say(words.plain);
  if (!words.login) return say(words.off, true);
  await navigator.serviceWorker.register("/inspection/worker.js", { scope: "/inspection" });
  const cache = await caches.open(CACHE);
  const files = [...document.querySelectorAll('link[rel="stylesheet"], link[rel="icon"], script[src]')].map((one) => one.href || one.src);
  await cache.addAll(files);
  const shell = await fetch("/inspection/offline", { redirect: "error", headers: { "X-Jdgate-Live": "1" } });
  if (!shell.ok) return undefined;
  await cache.put("/inspection/offline", shell);
  for (const one of await cache.keys()) {
    if (!files.includes(one.url) && !one.url.endsWith("/inspection/offline")) await cache.delete(one);
  }
  await navigator.serviceWorker.ready;
  calm = words.ready;
  if (!sending) say(calm);
  return undefined;
}

// --- together

function companies() {
  const all = keep((one) => {
    for (const option of document.querySelectorAll("#known option")) {
      const before = one.companies[option.value] || {};
      if (!before.last || before.last < option.dataset.last) {
        one.companies[option.value] = { last: option.dataset.last, stocks: JSON.parse(option.dataset.stocks) };
      }
    }
  });
  const pick = document.getElementById("pick");
  const codes = [...new Set([...Object.keys(all.companies), ...Object.keys(all.nicks)])];
  codes.sort((one, other) => (all.nicks[one] || one).localeCompare(all.nicks[other] || other, "zh-CN"));
  const chosen = pick.value;
  pick.replaceChildren(pick.options[0], ...codes.map((code) => made("option", { value: code, textContent: all.nicks[code] ? `${all.nicks[code]} ${code}` : code })));
  pick.value = chosen;
  document.getElementById("picking").hidden = !codes.length;
  document.getElementById("naming").hidden = false;
}

function choose(uscc) {
  form.elements.uscc.value = uscc;
  const known = kept().companies[uscc];
  const given = values();
  const untouched = !Object.entries(given).some(([name, value]) => /^stocks\..*(cas|_qty)$/.test(name) && value);
  if (known && untouched) {
    for (const name of Object.keys(given)) if (name.startsWith("stocks.")) delete given[name];
    known.stocks.forEach(([cas, unit], at) => Object.assign(given, { [`stocks.${at}.cas`]: cas, [`stocks.${at}.unit`]: unit }));
    put(given);
  }
  refresh();
  save();
}

form.addEventListener("input", (event) => {
  const row = event.target.closest("[data-row]");
  if (row) difference(row);
  if (event.target.id === "nick") {
    keep((all) => { if (company()) all.nicks[company()] = event.target.value.trim(); });
    return drafts();
  }
  if (event.target.id === "pick") return event.target.value ? choose(event.target.value) : undefined;
  if (["uscc", "date"].includes(event.target.name)) refresh();
  save();
  return undefined;
});
form.addEventListener("change", (event) => { if (event.target.id === "nick") companies(); });
list.addEventListener("click", (event) => { // after form.js has changed the rows
  if (event.target.closest("[data-add], [data-drop]")) setTimeout(() => { refresh(); save(); });
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  for (const row of rowsOf(list)) {
    const typed = [...row.querySelectorAll("select, input:not([type=radio])")].some((one) => one.value.trim());
    if (!typed && rowsOf(list).length > 1) dropRow(row);
  }
  refresh();
  const given = values();
  const found = wrong(given);
  faults(found);
  if (Object.keys(found).length) return save();
  keep((all) => { all.drafts[form.elements.own.value] = { values: given, at: Date.now(), state: "waiting" }; });
  begin(newId());
  line.scrollIntoView({ block: "center" });
  return flush();
});

document.getElementById("another").addEventListener("click", () => {
  save();
  begin(newId());
  form.elements.uscc.focus();
});

document.getElementById("drafts").addEventListener("click", (event) => {
  const { act, id } = event.target.dataset;
  if (act === "open") {
    save();
    begin(id, keep((all) => { all.drafts[id].state = "open"; }).drafts[id]);
    if (!form.querySelector("[aria-invalid]")) form.elements.uscc.focus();
  } else if (act === "drop") {
    drop(id);
  }
});

function drop(id) {
  if (!window.confirm(words.dropSure)) return;
  keep((all) => { delete all.drafts[id]; });
  if (id === form.elements.own.value) begin(newId());
  else drafts();
}

document.getElementById("discard").addEventListener("click", () => drop(form.elements.own.value));

addEventListener("online", () => {
  pause = SOON_MS;
  flush();
});
addEventListener("offline", () => say(words.off, true));
document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });

companies();
if (isBlank(values())) {
  const open = Object.entries(kept().drafts).filter(([, draft]) => draft.state === "open").sort((one, other) => other[1].at - one[1].at);
  if (open.length) begin(open[0][0], open[0][1]);
  else begin(newId());
} else {
  refresh();
  drafts();
}
prepare().catch(() => say(navigator.onLine ? words.plain : words.off, !navigator.onLine));
flush();
