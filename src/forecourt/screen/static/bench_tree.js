// A value of JSON as a tree that is built where it is opened.

import { make } from "./bench_api.js";

const NAMES = {
  2: ["messageTypeId", "uniqueId", "action", "payload"],
  3: ["messageTypeId", "uniqueId", "payload"],
  4: ["messageTypeId", "uniqueId", "errorCode", "errorDescription", "errorDetails"],
};
const MOST_ENTRIES = 1000;

/** The parts of an OCPP message with their names; what is no message stays as it is. */
export function named(parts) {
  const names = Array.isArray(parts) ? NAMES[parts[0]] : undefined;
  if (!names) return parts;
  return Object.fromEntries(parts.map((part, index) => [names[index] ?? String(index), part]));
}

/** The tree of a value: opened at its root, and as deep as `depth` says. */
export function tree(value, depth = 3) {
  const list = make("ul", "tree");
  list.append(...entries(value, depth));
  return list;
}

function entries(value, depth) {
  const pairs = Object.entries(value !== null && typeof value === "object" ? value : { "": value });
  const rows = pairs.slice(0, MOST_ENTRIES).map(([name, part]) => entry(name, part, depth));
  if (pairs.length > MOST_ENTRIES) rows.push(make("li", "muted", `and ${pairs.length - MOST_ENTRIES} more`));
  return rows;
}

function entry(name, value, depth) {
  const row = make("li");
  if (value === null || typeof value !== "object") {
    if (name) row.append(make("span", "name", name), " ");
    row.append(make("span", `value ${value === null ? "null" : typeof value}`, shown(value)));
    return row;
  }
  const size = Object.keys(value).length;
  if (size === 0) {
    row.append(make("span", "name", name), " ", make("span", "muted", Array.isArray(value) ? "[]" : "{}"));
    return row;
  }
  const summary = make("summary");
  const kind = Array.isArray(value) ? `[${size}]` : `{${size}}`;
  summary.append(make("span", "name", name), " ", make("span", "muted", kind));
  const branch = make("details");
  branch.append(summary);
  const fill = () => {
    const list = make("ul", "tree");
    list.append(...entries(value, depth - 1));
    branch.append(list);
  };
  if (depth > 0) {
    branch.open = true;
    fill();
  } else {
    branch.addEventListener("toggle", fill, { once: true });
  }
  row.append(branch);
  return row;
}

function shown(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
