// The wire log, live. The station's own log is what is shown (it hides secrets and knows the time to each answer); the
// page's stream only says when there is more of it.

import { Refused, ask, make, say, settle, whileSeen } from "./bench_api.js";
import { named, tree } from "./bench_tree.js";

const MOST_ROWS = 500;
const GATHER_MS = 20;
const NEAR_END_PX = 40;
const GIST_LENGTH = 160;
const KINDS = { 2: ["call", "call"], 3: ["result", "result"], 4: ["error", "error"] };

export class WireLog {
  #panel;
  #path;
  #box;
  #list;
  #note;
  #last = 0;
  #isPaused = false;
  #isReading = false;
  #isBehind = false;
  #isFresh = true;
  #actions = new Set();
  #messages = new WeakMap();
  #bytes = new TextEncoder();

  constructor(panel, path, feed) {
    this.#panel = panel;
    this.#path = path;
    this.#box = panel.querySelector("[data-wire-box]");
    this.#list = panel.querySelector("[data-wire-rows]");
    this.#note = panel.querySelector("[data-wire-note]");
    this.#wire(feed);
    this.#begin();
  }

  #wire(feed) {
    const more = settle(whileSeen(this.#panel, () => this.#read()), GATHER_MS);
    feed.on("messages", more);
    feed.on("hello", () => this.#begin());
    for (const field of this.#panel.querySelectorAll("[data-wire-filter]")) {
      field.addEventListener("input", () => this.#filter());
    }
    const pause = this.#panel.querySelector("[data-wire-pause]");
    pause.addEventListener("click", () => {
      this.#isPaused = !this.#isPaused;
      pause.setAttribute("aria-pressed", String(this.#isPaused));
      if (!this.#isPaused) this.#read();
      else this.#tell();
    });
    this.#panel.querySelector("[data-wire-clear]").addEventListener("click", () => {
      this.#list.replaceChildren();
      this.#tell();
    });
  }

  /** At the beginning of a stream, for after a restart of the process messages count from 1 again. */
  #begin() {
    this.#last = 0;
    this.#isFresh = true;
    this.#read();
  }

  async #read() {
    if (this.#isPaused) return;
    if (this.#isReading) {
      this.#isBehind = true;
      return;
    }
    this.#isReading = true;
    try {
      this.#add(await ask("GET", `${this.#path}?limit=${MOST_ROWS}&after=${this.#last}`));
      this.#tell();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.#note, error.message, true);
    } finally {
      this.#isReading = false;
    }
    if (this.#isBehind) {
      this.#isBehind = false;
      this.#read();
    }
  }

  #add(messages) {
    const box = this.#box;
    const list = this.#list;
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
    const wanted = this.#wanted();
    if (this.#isFresh) list.replaceChildren();
    this.#isFresh = false;
    const rows = messages.map((message) => this.#row(message, wanted));
    if (messages.length) this.#last = messages.at(-1).number;
    list.append(...rows);
    while (list.childElementCount > MOST_ROWS) list.firstElementChild.remove();
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  }

  #row(message, wanted) {
    const [kind, label] = KINDS[typeOf(message.text)] ?? ["other", "no message"];
    const isOut = message.direction === ">";
    const row = make("li");
    this.#messages.set(row, message);
    const summary = make("summary", `frame ${kind}`);
    const size = this.#bytes.encode(message.text).length;
    summary.append(
      make("time", "", clock(message.time)),
      make("span", isOut ? "out" : "in", isOut ? "↑ out" : "↓ in"),
      make("span", "action", message.action ?? "—"),
      make("span", "gist", gist(message.text)),
      make("span", "kind", label),
      make("span", "number", message.latency_ms === null ? "" : duration(message.latency_ms)),
      make("span", "number", `${size} B`),
    );
    summary.title = message.time;
    const details = make("details");
    details.append(summary);
    details.addEventListener("toggle", () => {
      details.append(opened(message));
      details.scrollIntoView({ block: "nearest" });
    }, { once: true });
    row.append(details);
    row.hidden = !wanted(row);
    this.#offer(message.action);
    return row;
  }

  /** Offer every action that was seen as something to filter by. */
  #offer(action) {
    if (!action || this.#actions.has(action)) return;
    this.#actions.add(action);
    const select = this.#panel.querySelector("[data-wire-filter=action]");
    const option = make("option", "", action);
    option.value = action;
    const next = [...select.options].slice(1).find((other) => other.value > action);
    select.insertBefore(option, next ?? null);
  }

  #wanted() {
    const of = (name) => this.#panel.querySelector(`[data-wire-filter=${name}]`).value;
    const [direction, action, text] = [of("direction"), of("action"), of("text").trim().toLowerCase()];
    return (row) => {
      const message = this.#messages.get(row);
      return (!direction || message.direction === direction) &&
        (!action || message.action === action) &&
        (!text || message.text.toLowerCase().includes(text));
    };
  }

  #filter() {
    const wanted = this.#wanted();
    for (const row of this.#list.children) row.hidden = !wanted(row);
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#tell();
  }

  #tell() {
    const rows = [...this.#list.children];
    const shown = rows.filter((row) => !row.hidden).length;
    const count = shown === rows.length ? `${shown} messages` : `${shown} of ${rows.length} messages`;
    say(this.#note, this.#isPaused ? `${count}, paused` : count);
  }
}

function typeOf(text) {
  return /^\s*\[\s*([234])\s*,/.exec(text)?.[1];
}

/** How the payload begins. */
function gist(text) {
  return (/^\s*\[\s*\d\s*,\s*"[^"]*"\s*,\s*(?:"[^"]*"\s*,\s*)?(.*)\]\s*$/s.exec(text)?.[1] ?? text).slice(0, GIST_LENGTH);
}

/** What is under a row: the tree of the frame, or its text where it is no JSON, and a button that copies it. */
function opened(message) {
  const body = make("div", "opened");
  const copy = make("button", "small", "Copy frame");
  copy.type = "button";
  const note = make("span", "note");
  note.setAttribute("role", "status");
  copy.addEventListener("click", async () => say(note, (await copied(message.text)) ? "Copied." : "Not copied.", false));
  const bar = make("div", "bar");
  bar.append(copy, note);
  let shown;
  try {
    shown = tree(named(JSON.parse(message.text)));
  } catch {
    shown = make("pre", "", message.text);
  }
  body.append(bar, shown);
  return body;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

/** Where the clipboard's own interface is not to be had, as on a page that is not served from this machine or by TLS. */
function copiedBySelection(text) {
  const area = make("textarea", "off-screen");
  area.value = text;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}

function clock(time) {
  return time.slice(11, 23).replace("Z", "").padEnd(12, time.includes(".") ? "0" : " ").trim();
}

function duration(latency_ms) {
  if (latency_ms >= 1000) return `${(latency_ms / 1000).toFixed(1)} s`;
  return `${latency_ms.toFixed(latency_ms < 10 ? 1 : 0)} ms`;
}
