// The button that prints; without script the browser's own menu does.
const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
