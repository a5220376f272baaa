"use strict";

/* A click on a heading sorts its table by that column, largest first; a second click turns the order round. */
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
    heads.forEach(each => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = row => row.cells[column].dataset.sort ?? "";
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");  /* gaps last, either way */
      const difference = column === 0 ? x.localeCompare(y, "en", {numeric: true}) : x - y;
      return up ? difference : -difference;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
  }));
}

/* Tables that are wider than the screen say so. */
const mark = () => {
  for (const each of document.querySelectorAll(".scroll")) each.classList.toggle("wide", each.scrollWidth > each.clientWidth + 1);
};
mark();
addEventListener("resize", mark);
addEventListener("toggle", mark, true);

/* Paper has no clicks: everything is open on it. */
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});
