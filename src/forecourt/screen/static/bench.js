// The workbench: its tabs, and its parts, each begun when its tab is first opened.

import { Actions } from "./bench_actions.js";
import { Feed } from "./bench_api.js";
import { Keys } from "./bench_keys.js";
import { Power } from "./bench_power.js";
import { WireLog } from "./bench_wire.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

function begin(bench) {
  const api = bench.dataset.api;
  const feed = new Feed();
  const panel = (name) => bench.querySelector(`#bench-panel-${name}`);
  const parts = {
    keys: () => new Keys(panel("keys"), `${api}/keys`, feed),
    power: () => new Power(panel("power"), api, feed),
    wire: () => new WireLog(panel("wire"), `${api}/messages`, feed),
  };
  new Actions(bench);
  tabs(bench, (name) => {
    parts[name]?.();
    delete parts[name];
  });
}

/** The tabs by mouse and keyboard: arrows, Home and End; the one that is open is in the address. */
function tabs(bench, opened) {
  const all = [...bench.querySelectorAll("[role=tab]")];
  const open = (tab) => {
    for (const other of all) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    bench.dataset.tab = tab.dataset.tabOf;
    history.replaceState(history.state, "", `#${tab.dataset.tabOf}`);
    opened(tab.dataset.tabOf);
  };
  for (const [index, tab] of all.entries()) {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const at = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : index + STEPS[event.key];
      const next = all[(at + all.length) % all.length];
      if (!next) return;
      event.preventDefault();
      next.focus();
      open(next);
    });
  }
  const named = () => all.find((tab) => `#${tab.dataset.tabOf}` === location.hash);
  window.addEventListener("hashchange", () => { if (named()) open(named()); });
  if (named()) open(named());
}

for (const bench of document.querySelectorAll("[data-bench]")) begin(bench);
