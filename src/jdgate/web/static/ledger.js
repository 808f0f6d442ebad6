// How far the verification of the ledger is, without a reload. The page's link does it too.
"use strict";

const APART_MS = 1000;

async function look() {
  const here = document.getElementById("verification");
  if (!here || !("running" in here.dataset)) return;
  const answer = await fetch("/ledger", { headers: { "X-Jdgate-Live": "1" } }).catch(() => null);
  if (answer && answer.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("verification");
    if (next) here.replaceWith(document.adoptNode(next));
  } else if (answer && answer.status === 401) {
    location.reload();
    return;
  }
  setTimeout(look, APART_MS);
}

setTimeout(look, APART_MS);
