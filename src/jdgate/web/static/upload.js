// Dropping a file on the form, and news of the rows while they are sent. All works without it.
"use strict";

const form = document.getElementById("drop");

if (form) {
  const input = form.querySelector("input[type=file]");
  const zone = form.querySelector(".drop");
  const chosen = document.getElementById("chosen");
  form.classList.add("scripted");

  const told = () => {
    const file = input.files[0];
    const large = file && file.size > Number(form.dataset.most);
    input.setCustomValidity(large ? form.dataset.large : "");
    chosen.textContent = large ? form.dataset.large : file ? file.name : "";
  };
  const over = (event) => {
    event.preventDefault();
    zone.classList.toggle("over", event.type === "dragover");
  };
  form.addEventListener("dragover", over);
  form.addEventListener("dragleave", over);
  form.addEventListener("drop", (event) => {
    over(event);
    if (!event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    told();
  });
  input.addEventListener("change", told);
}

// rows that are under way: look again until each has its verdict
async function look() {
  const work = document.getElementById("work");
  if (!work || !work.dataset.open) return;
  try {
    const answer = await fetch(location.pathname, { headers: { "X-Jdgate-Live": "1" } });
    if (answer.status === 401) location.reload();
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("work");
      if (next && next.outerHTML !== work.outerHTML) {
        work.replaceWith(document.adoptNode(next));
        const news = next.querySelector("[data-news]");
        document.getElementById("news").textContent = news ? news.textContent : "";
      }
    }
  } catch {
    // the console is away for a moment
  }
  setTimeout(look, 1000);
}
setTimeout(look, 1000);
