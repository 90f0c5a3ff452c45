// What the forms of actions need beside act.js, which sends them: the cars and errors to choose from, and the badges held
// before. What may be done is the station's matter: only plug and unplug follow what is plugged.

import { ask, make } from "./bench_api.js";

const RECENT_KEY = "forecourt badges";
const MOST_RECENT = 6;

export class Actions {
  #bench;
  #faults = new Map();

  constructor(bench) {
    this.#bench = bench;
    const badge = bench.querySelector("[data-badge]");
    for (const name of ["act:done", "act:refused"]) {
      badge.addEventListener(name, () => this.#remember(badge.elements.idTag.value));
    }
    this.#follow(bench.querySelector("#bench"));
    this.#offerCars();
    this.#offerFaults(bench.querySelector("[data-faults]"));
    this.#showRecent();
  }

  /** Plug and unplug follow what the pushed part says of the guns. */
  #follow(live) {
    const apply = () => {
      for (const gun of live.querySelectorAll("[data-gun]")) {
        for (const control of this.#bench.querySelectorAll(`[data-of-gun="${gun.dataset.gun}"]`)) {
          const isDisabled = control.dataset.whilePlugged !== gun.dataset.plugged;
          const button = control.matches("button") ? control : control.querySelector("button");
          if (button.disabled !== isDisabled) button.disabled = isDisabled;
        }
      }
    };
    new MutationObserver(apply).observe(live, { attributes: true, childList: true, subtree: true });
    apply();
  }

  async #offerCars() {
    const cars = await ask("GET", "/api/cars");
    for (const select of this.#bench.querySelectorAll("[data-cars]")) {
      for (const car of cars) {
        const option = make("option", "", `${car.name}, ${car.battery_kwh} kWh, up to ${car.peak_kw} kW, ${car.inlets.join(" and ")}`);
        option.value = car.name;
        if (car.title) option.title = car.title;
        select.append(option);
      }
    }
  }

  async #offerFaults(form) {
    const groups = new Map();
    for (const fault of await ask("GET", "/api/faults")) {
      this.#faults.set(fault.dtc, fault);
      if (!groups.has(fault.severity)) {
        const group = make("optgroup");
        group.label = `${fault.severity}s`;
        groups.set(fault.severity, group);
      }
      const option = make("option", "", `${fault.dtc} ${fault.description}`);
      option.value = fault.dtc;
      groups.get(fault.severity).append(option);
    }
    const select = form.elements.dtc;
    select.append(...groups.values());
    const show = () => {
      const fault = this.#faults.get(select.value);
      const isOfGun = fault.scope === "connector";
      form.elements.connector.disabled = !isOfGun;
      form.querySelector("[data-fault-gun]").hidden = !isOfGun;
      form.querySelector("[data-fault-about]").textContent =
        `${fault.errorCode}, of the ${isOfGun ? "gun" : "station"}: ${fault.consequence}`;
    };
    select.addEventListener("change", show);
    show();
  }

  #remember(idTag) {
    const others = recent().filter((other) => other !== idTag);
    try {
      sessionStorage.setItem(RECENT_KEY, JSON.stringify([idTag, ...others].slice(0, MOST_RECENT)));
    } catch {
      return; // a browser that keeps nothing
    }
    this.#showRecent();
  }

  #showRecent() {
    const place = this.#bench.querySelector("[data-recent]");
    const form = this.#bench.querySelector("[data-badge]");
    place.replaceChildren(...recent().map((idTag) => {
      const button = make("button", "small mono", idTag);
      button.type = "button";
      button.addEventListener("click", () => {
        form.elements.idTag.value = idTag;
        form.requestSubmit();
      });
      return button;
    }));
  }
}

function recent() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(RECENT_KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((idTag) => typeof idTag === "string") : [];
  } catch {
    return [];
  }
}
