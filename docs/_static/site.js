// What Sphinx's pages lack for the keyboard and for screen readers: captions of the menu have no
// level, and what scrolls sideways cannot be reached. Wide formulas shrink, to 3/4 at most, before
// they scroll.
const WIDE = "pre, div.math, .table-wrapper, .wide-picture, article p:has(> img)";
document.addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll('p.caption[role="heading"]')) {
    caption.setAttribute("aria-level", "2");
  }
  // Sphinx marks the words of a search, and fails at the title of a picture, which has no place.
  for (const title of document.querySelectorAll("svg title")) title.classList.add("nohighlight");
  const reach = () => {
    for (const box of document.querySelectorAll("div.math")) {
      box.style.fontSize = "";
      if (box.scrollWidth > box.clientWidth) {
        const factor = Math.max(0.75, (0.98 * box.clientWidth) / box.scrollWidth);
        box.style.fontSize = `${factor}em`;
      }
    }
    for (const box of document.querySelectorAll(WIDE)) {
      if (box.scrollWidth > box.clientWidth) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", box.tagName === "PRE" ? "code" : "wide content");
      }
    }
  };
  reach();
  window.addEventListener("resize", reach);
});
