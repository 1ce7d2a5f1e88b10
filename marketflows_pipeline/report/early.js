"use strict";
(() => {
  // Before anything is painted, so that the page does not flash in the other theme.
  try {
    const known = localStorage.getItem("marketflows-theme");
    if (known === "light" || known === "dark") document.documentElement.dataset.theme = known;
  } catch { /* A browser that keeps nothing: the system's theme. */ }
})();
