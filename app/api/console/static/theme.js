// Light, dark, or as the system has it: set before the page is drawn, so that it does not flash.
"use strict";

(() => {
  const NAME = "console.theme";
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem(NAME) ?? "auto";
    } catch {
      return "auto"; // a browser that keeps nothing
    }
  }

  function choose(theme) {
    root.dataset.theme = theme;
    for (const select of document.querySelectorAll(".theme-choice")) select.value = theme;
  }

  choose(stored());
  document.addEventListener("DOMContentLoaded", () => choose(root.dataset.theme));
  document.addEventListener("change", ({ target }) => {
    if (!target.matches(".theme-choice")) return;
    choose(target.value);
    try {
      localStorage.setItem(NAME, target.value);
    } catch {
      // it is for this page alone, then
    }
  });
})();
