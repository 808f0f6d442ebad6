// What keeps a page fresh without a reload. Everything works without it.
"use strict";

const live = document.getElementById("live");

async function refresh() {
  const answer = await fetch(location.pathname, { headers: { "X-Jdgate-Live": "1" } });
  if (!answer.ok) {
    if (answer.status === 401) location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = document.getElementById("work");
  const next = page.getElementById("work");
  if (!now || !next || now.innerHTML === next.innerHTML) return;
  const focused = document.activeElement && document.activeElement.getAttribute("href");
  now.replaceWith(document.adoptNode(next));
  if (focused) {
    for (const link of next.querySelectorAll("a")) {
      if (link.getAttribute("href") === focused) link.focus();
    }
  }
  live.textContent = live.dataset.updated;
}

if (live) {
  const events = new EventSource(live.dataset.live);
  let opened = false;
  events.addEventListener("open", () => {
    if (opened) refresh();
    opened = true;
  });
  events.addEventListener("changed", refresh);
  events.addEventListener("error", () => { live.textContent = live.dataset.lost; });
}

// an error that a form came back with is read first
const error = document.querySelector(".error");
if (error) {
  error.tabIndex = -1;
  error.focus();
}
