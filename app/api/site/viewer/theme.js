// Before anything is drawn: light or dark, as the documentation's own switch has it, else as the
// system has it.
(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // A browser that keeps nothing: the system's choice holds.
  }
  const isDark = () => (chosen === "light" || chosen === "dark" ? chosen === "dark" : dark.matches);
  const draw = () => document.documentElement.classList.toggle("dark-mode", isDark());
  dark.addEventListener("change", draw);
  draw();
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme-switch").addEventListener("click", () => {
      chosen = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("theme", chosen);
      } catch {
        // See above.
      }
      draw();
    });
  });
})();
