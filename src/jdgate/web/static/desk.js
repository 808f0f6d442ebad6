// What keeps a page fresh without a reload. Everything works without it.
"use strict";

const live = document.getElementById("live");

// what the page shows now gives way to what it should show; where somebody was stays in focus
function show(page) {
  const now = document.getElementById("work");
  const next = page.getElementById("work") || page.body;
  if (!now || now.innerHTML === next.innerHTML) return;
  const focused = document.activeElement && document.activeElement.getAttribute("href");
  now.replaceChildren(...next.childNodes);
  if (focused) {
    for (const link of now.querySelectorAll("a")) {
      if (link.getAttribute("href") === focused) link.focus();
    }
  }
  live.textContent = live.dataset.updated;
}

const read = (text) => new DOMParser().parseFromString(text, "text/html");

async function refresh() {
  const here = location.pathname + location.search;
  const answer = await fetch(here, { headers: { "X-Jdgate-Live": "1" } });
  if (answer.ok) show(read(await answer.text()));
  else if (answer.status === 401) location.reload();
}

if (live) {
  const events = new EventSource(live.dataset.live);
  // what came since the page was made, or while the stream was away
  const calm = live.textContent;
  events.addEventListener("open", () => {
    if (live.textContent === live.dataset.lost) live.textContent = calm;
    refresh();
  });
  // a stream sends the piece of the page itself, or only that it should be fetched
  events.addEventListener("work", (event) => show(read(event.data)));
  events.addEventListener("changed", refresh);
  events.addEventListener("error", () => { live.textContent = live.dataset.lost; });
}

// an error that a form came back with is read first
const error = document.querySelector(".error");
if (error) {
  error.tabIndex = -1;
  error.focus();
}

// inspections that were not sent lie in this browser, and signing out erases what lies here
for (const form of document.querySelectorAll("[data-unsent]")) {
  form.addEventListener("submit", (event) => {
    const names = Object.keys(localStorage).filter((one) => one.startsWith("jdgate."));
    const unsent = names.some((one) => /"drafts":\{"/.test(localStorage.getItem(one)));
    if (unsent && !window.confirm(form.dataset.unsent)) event.preventDefault();
    else for (const one of names) localStorage.removeItem(one);
  });
}
