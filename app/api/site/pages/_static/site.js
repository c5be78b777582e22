// A button beside each block of code that copies it. Where the browser has no clipboard for this
// page (plain HTTP to another machine), there is none.
(() => {
  "use strict";
  if (!navigator.clipboard) return;
  const text = (block) => {
    const lines = block.textContent.replace(/\n$/, "").split("\n");
    const prompts = lines.filter((line) => line.startsWith("$ "));
    // Of a console, what is typed: its commands, without what they print.
    return (prompts.length ? prompts.map((line) => line.slice(2)) : lines).join("\n");
  };
  for (const block of document.querySelectorAll("div.highlight > pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text(block));
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.parentElement.prepend(button);
  }
})();
