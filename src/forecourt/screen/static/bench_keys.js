// The configuration keys: every one with its default, what differs marked, edited in place with the installer's access.

import { Refused, ask, make, say, settle, whileSeen } from "./bench_api.js";

const GATHER_MS = 300;

export class Keys {
  #panel;
  #path;
  #body;
  #note;
  #rows = new Map();

  constructor(panel, path, feed) {
    this.#panel = panel;
    this.#path = path;
    this.#body = panel.querySelector("tbody");
    this.#note = panel.querySelector("[data-keys-note]");
    for (const field of panel.querySelectorAll("[data-keys-filter]")) {
      field.addEventListener("input", () => this.#filter());
    }
    panel.querySelector("[data-keys-refresh]").addEventListener("click", () => this.#read());
    const again = settle(whileSeen(panel, () => this.#read()), GATHER_MS);
    feed.on("keys", again);
    this.#read();
  }

  async #read() {
    try {
      for (const key of await ask("GET", this.#path)) this.#show(key);
      this.#filter();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.#note, error.message, true);
    }
  }

  #show(key) {
    let row = this.#rows.get(key.key);
    if (!row) {
      row = new KeyRow(this.#path, () => this.#filter());
      this.#rows.set(key.key, row);
      this.#body.append(row.element);
    }
    row.show(key);
  }

  #filter() {
    const text = this.#panel.querySelector("[data-keys-filter=text]").value.trim().toLowerCase();
    const onlyChanged = this.#panel.querySelector("[data-keys-filter=changed]").checked;
    let shown = 0;
    let changed = 0;
    for (const { element, key, isEdited } of this.#rows.values()) {
      const isWanted = `${key.key} ${key.value ?? ""}`.toLowerCase().includes(text);
      element.hidden = !isEdited && !(isWanted && (!onlyChanged || key.differs));
      shown += element.hidden ? 0 : 1;
      changed += key.differs ? 1 : 0;
    }
    say(this.#note, `${shown} of ${this.#rows.size} keys, ${changed} changed`);
  }
}

/** One key. While it is edited, news of its value wait until that is over. */
class KeyRow {
  #path;
  #changed;
  #cells;
  key = null;
  isEdited = false;

  constructor(path, changed) {
    this.#path = path;
    this.#changed = changed;
    this.element = make("tr");
    const name = make("th");
    name.scope = "row";
    this.#cells = { name, value: make("td", "value"), default: make("td", "muted default"), about: make("td", "muted about") };
    this.element.append(...Object.values(this.#cells));
  }

  show(key) {
    const isFirst = this.key === null;
    this.key = key;
    this.element.classList.toggle("changed", key.differs);
    if (isFirst) {
      this.#cells.name.textContent = key.key;
      this.#cells.about.textContent = [key.access, key.type, key.unit, key.effect].filter(Boolean).join(" · ");
    }
    this.#cells.default.replaceChildren(listed(key.default ?? "—"));
    if (!this.isEdited) this.#rest();
  }

  #rest() {
    this.isEdited = false;
    const value = make("span", this.key.value === null ? "muted" : "mono");
    value.append(listed(this.key.value ?? "not shown or not set"));
    const edit = make("button", "small", "Edit");
    edit.type = "button";
    edit.setAttribute("aria-label", `Edit ${this.key.key}`);
    edit.addEventListener("click", () => this.#edit());
    const line = make("div", "line");
    line.append(value, edit);
    if (this.key.differs) line.append(make("span", "mark", "changed"));
    this.#cells.value.replaceChildren(line);
  }

  #edit() {
    this.isEdited = true;
    const form = make("form", "line");
    const field = this.#field();
    const note = make("p", "note");
    note.setAttribute("role", "status");
    const cancel = button("Cancel", "button");
    form.append(field, button("Set", "submit"), cancel);
    const end = () => {
      this.#rest();
      this.#cells.value.querySelector("button").focus();
    };
    cancel.addEventListener("click", end);
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const path = `${this.#path}/${encodeURIComponent(this.key.key)}`;
        const key = await ask("PUT", path, { value: field.value });
        this.isEdited = false;
        this.show(key);
        this.#changed();
        this.#cells.value.querySelector("button").focus();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        say(note, error.message, true);
      }
    });
    this.#cells.value.replaceChildren(form, note);
    field.focus();
  }

  #field() {
    const isBoolean = this.key.type === "boolean";
    const field = make(isBoolean ? "select" : "input");
    if (isBoolean) {
      for (const choice of ["true", "false"]) field.append(make("option", "", choice));
    } else {
      field.type = "text";
      field.autocomplete = "off";
      field.spellcheck = false;
    }
    field.value = this.key.value ?? "";
    field.setAttribute("aria-label", `New value of ${this.key.key}`);
    return field;
  }
}

/** A text that may be broken after its commas. */
function listed(text) {
  const parts = document.createDocumentFragment();
  for (const part of text.split(/(?<=,)/)) parts.append(part, document.createElement("wbr"));
  return parts;
}

function button(text, type) {
  const element = make("button", "small", text);
  element.type = type;
  return element;
}
