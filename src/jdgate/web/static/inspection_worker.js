// Opens the inspection form where there is no connection: with the empty form that the page put
// into the cache, and the files it needs. It keeps nothing else, and sends nothing.
"use strict";

const CACHE = "jdgate-inspection";
const PAGE = "/inspection";
const SHELL = "/inspection/offline";
const PATIENCE_MS = 6000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const asked = new URL(event.request.url);
  if (event.request.method !== "GET" || asked.origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && asked.pathname === PAGE) event.respondWith(page(event.request));
  else if (asked.pathname.startsWith("/static/")) event.respondWith(file(event.request));
});

async function page(request) {
  const cache = await caches.open(CACHE);
  const shell = await cache.match(SHELL);
  if (!shell) return fetch(request);
  const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS, null); });
  const answer = await Promise.race([fetch(request).catch(() => null), late]);
  return answer && answer.status < 500 ? answer : shell;
}

async function file(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) || fetch(request);
}
