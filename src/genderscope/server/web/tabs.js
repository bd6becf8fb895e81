/** Tabs by the ARIA practices: arrow keys move between them. */

/** Set up a list of tabs; ``onChoose`` is called with the id of the visible panel. */
export function tabs(list, onChoose) {
  const all = [...list.querySelectorAll("[role=tab]")];

  function choose(tab) {
    for (const one of all) {
      one.setAttribute("aria-selected", one === tab);
      one.tabIndex = one === tab ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
    onChoose(tab.getAttribute("aria-controls"));
  }

  list.addEventListener("click", ({ target }) => all.includes(target) && choose(target));
  list.addEventListener("keydown", (event) => {
    const last = all.length - 1;
    const at = all.indexOf(event.target);
    const places = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    all[places[event.key]].focus();
    choose(all[places[event.key]]);
  });
}
