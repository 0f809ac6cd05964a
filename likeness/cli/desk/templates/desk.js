"use strict";
// Everything works without this: it copies commands, fills them in while you type, and looks again at a training.
const quoted = (words) => `'${words.replaceAll("'", `'"'"'`)}'`;
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "Copied";
  });
}
for (const form of document.querySelectorAll("form")) {
  const code = form.querySelector(".command code");
  if (!code) continue;
  const words = code.textContent;
  const fill = () => {
    const said = new FormData(form);
    code.textContent = words
      .replace("'...'", () => quoted(said.get("why") || said.get("words") || "..."))
      .replace("SOURCE", () => said.get("source") ?? "SOURCE")
      .replace("TARGET", () => said.get("target") ?? "TARGET");
  };
  form.addEventListener("input", fill);
  fill();
}
const again = document.querySelector("[data-reload]");
if (again) setInterval(() => document.hidden || document.querySelector("details[open]") || location.reload(), again.dataset.reload * 1000);
