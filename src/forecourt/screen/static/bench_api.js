// The station's control API as the workbench uses it, and what the page's stream tells its parts.

/** A refusal of the API, with its sentence. */
export class Refused extends Error {}

/** Ask the API. Answers what came as JSON; throws `Refused` with a sentence for a person. */
export async function ask(method, path, body) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("The station's process does not answer.");
  }
  const text = await answer.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    throw new Refused(`The answer ${answer.status} was no JSON.`);
  }
  if (!answer.ok) throw new Refused(data?.error ?? `The answer was ${answer.status}.`);
  return data;
}

/** Say something beside a control; screen readers are told too, for the element has role=status. */
export function say(element, text, isRefusal = false) {
  element.textContent = text;
  element.classList.toggle("refused", isRefusal);
}

/** An element with text. Nothing that came from anywhere is ever read as HTML. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** Calls `act` once things have been quiet for `wait_ms`, or at the latest after four times that. */
export function settle(act, wait_ms) {
  let timer = 0;
  let since = 0;
  return () => {
    const now = performance.now();
    if (!timer) since = now;
    clearTimeout(timer);
    const left_ms = since + 4 * wait_ms - now;
    timer = setTimeout(() => { timer = 0; act(); }, Math.max(0, Math.min(wait_ms, left_ms)));
  };
}

/** Calls `act` while the panel can be seen; what was asked for meanwhile is made up for once it is seen again. */
export function whileSeen(panel, act) {
  let isOwed = false;
  const isSeen = () => panel.offsetParent !== null;
  new ResizeObserver(() => {
    if (!isOwed || !isSeen()) return;
    isOwed = false;
    act();
  }).observe(panel);
  return () => {
    isOwed = !isSeen();
    if (!isOwed) act();
  };
}

/** What the page's one stream tells of a station. Live.js reads it; every stream begins with `hello`. */
export class Feed {
  #listeners = new Map();
  #latest = {};

  constructor() {
    document.addEventListener("forecourt:told", ({ detail: { name, data } }) => {
      if (name === "hello") this.#begin();
      else if (name === "sample") this.#tell("sample", JSON.parse(data));
      else if (name === "news") this.#compare(JSON.parse(data));
    });
  }

  /** Hear of `sample`, what the driver watches at a moment, or that `messages`, `keys` or `profiles` are others now. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, []);
    this.#listeners.get(name).push(listener);
  }

  /** Whatever was known may be of another life of the process. */
  #begin() {
    this.#latest = {};
    this.#tell("hello", null);
  }

  #compare(news) {
    for (const [name, value] of Object.entries(news)) {
      if (value === null || value === this.#latest[name]) continue;
      this.#latest[name] = value;
      this.#tell(name, value);
    }
  }

  #tell(name, data) {
    for (const listener of this.#listeners.get(name) ?? []) listener(data);
  }
}
