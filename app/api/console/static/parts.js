// The two parts of a view, its list and one thing of it; and the form above a list.

import { byId, focusOn } from "./dom.js";

export function openPart(view, name) {
  for (const part of byId(`view-${view}`).querySelectorAll(":scope > [data-part]")) {
    part.hidden = part.dataset.part !== name;
  }
}

// Once a thing is there its heading takes the focus that the view's had: so it is heard of.
export function focusHeading(view, box) {
  const heading = box.querySelector("h2");
  if (heading && document.activeElement === byId(`title-${view}`)) focusOn(heading);
}

// An id in the field that is called so opens what it names; all else is searched for.
export function filterForm(form, { id, open, search }) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const named = id && byId(id).value.trim();
    if (named) open(named);
    else search();
  });
  byId(form).addEventListener("reset", () => setTimeout(search)); // once the fields are empty
}
