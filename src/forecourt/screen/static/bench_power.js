// Power over time: what was measured in the last ten minutes, the limits that were in force, and those to come; and the
// charging profiles they come from. All times are the station's own.

import { Refused, ask, make, say, settle, whileSeen } from "./bench_api.js";

const BEHIND_S = 600;
const AHEAD_S = 1800;
const REFRESH_MS = 10_000;
const GATHER_MS = 250;
const HEIGHT_PX = 190;

export class Power {
  #panel;
  #api;
  #note;
  #charts = new Map();

  constructor(panel, api, feed) {
    this.#panel = panel;
    this.#api = api;
    this.#note = panel.querySelector("[data-power-note]");
    for (const figure of panel.querySelectorAll("[data-chart]")) {
      this.#charts.set(Number(figure.dataset.chart), new GunChart(figure));
    }
    const read = settle(whileSeen(panel, () => this.#read()), GATHER_MS);
    feed.on("sample", ({ time, connectors }) => this.#sample(time, connectors));
    feed.on("profiles", read);
    read();
    setInterval(() => { if (!document.hidden) read(); }, REFRESH_MS);
  }

  #sample(time, connectors) {
    const at_s = Date.parse(time) / 1000;
    for (const row of connectors) this.#charts.get(row.connectorId)?.sample(at_s, row);
  }

  async #read() {
    try {
      const station = await ask("GET", this.#api);
      this.#profiles(station.chargingProfiles ?? []);
      for (const [number, chart] of this.#charts) {
        const path = `${this.#api}/connectors/${number}/schedule?duration=${AHEAD_S}`;
        chart.schedule(await ask("GET", path));
      }
      say(this.#note, "");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.#note, error.message, true);
    }
  }

  #profiles(rows) {
    const body = this.#panel.querySelector("[data-profiles]");
    if (!rows.length) {
      const cell = make("td", "muted", "No profile is installed.");
      cell.colSpan = 7;
      const row = make("tr");
      row.append(cell);
      body.replaceChildren(row);
      return;
    }
    body.replaceChildren(...rows.map(({ connectorId, chargingProfile }) => profileRow(connectorId, chargingProfile)));
  }
}

function profileRow(connectorId, profile) {
  const schedule = profile.chargingSchedule;
  const kind = [profile.chargingProfileKind, profile.recurrencyKind].filter(Boolean).join(", ");
  const limits = [profile.validFrom && `from ${shortly(profile.validFrom)}`, profile.validTo && `to ${shortly(profile.validTo)}`];
  const transaction = profile.transactionId === undefined ? "" : `transaction ${profile.transactionId}`;
  const validity = [...limits, transaction].filter(Boolean).join(", ") || "always";
  const periods = schedule.chargingSchedulePeriod.map((period) => `${span(period.startPeriod)}: ${period.limit} ${schedule.chargingRateUnit}`);
  if (schedule.startSchedule) periods.unshift(`from ${shortly(schedule.startSchedule)}`);
  if (schedule.duration !== undefined) periods.push(`until ${span(schedule.duration)}`);
  const row = make("tr");
  const texts = [profile.chargingProfileId, connectorId, profile.chargingProfilePurpose, profile.stackLevel, kind, validity];
  row.append(...texts.map((text) => make("td", "", String(text))), make("td", "mono", periods.join("; ")));
  return row;
}

function shortly(time) {
  return time.slice(0, 16).replace("T", " ");
}

function span(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `+${hours}:${two(minutes)}:${two(seconds % 60)}` : `+${minutes}:${two(seconds % 60)}`;
}

/** One gun's plot. It is drawn only while it can be seen. */
class GunChart {
  #place;
  #now;
  #samples = [];
  #steps = [];
  #plot = null;

  constructor(figure) {
    this.#place = figure.querySelector(".plot");
    this.#now = figure.querySelector("[data-chart-now]");
    new ResizeObserver(() => this.#fit()).observe(this.#place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.#drop(); this.#fit(); });
  }

  /** One moment: what is drawn, and the lowest of all limits. A clock that was set back begins anew. */
  sample(at_s, { power_w, limited_w }) {
    if (this.#samples.length && at_s <= this.#samples.at(-1)[0]) {
      if (at_s > this.#samples.at(-1)[0] - 1) return;
      this.#samples = [];
    }
    this.#samples.push([at_s, power_w / 1000, limited_w / 1000]);
    while (this.#samples[0][0] < at_s - BEHIND_S) this.#samples.shift();
    this.#now.textContent = `${(power_w / 1000).toFixed(1)} of ${(limited_w / 1000).toFixed(1)} kW`;
    this.#draw();
  }

  /** What is to come, as `{start, periods: [{start_s, limit_w}]}` of the API. */
  schedule(view) {
    const start_s = Date.parse(view.start) / 1000;
    this.#steps = view.periods.map((period) => [start_s + period.start_s, period.limit_w / 1000]);
    this.#draw();
  }

  #data() {
    const now_s = this.#samples.at(-1)?.[0];
    if (now_s === undefined) return null;
    const ahead = this.#steps.filter(([at_s]) => at_s > now_s);
    const last = ahead.at(-1)?.[1] ?? this.#samples.at(-1)[2];
    const rows = [...this.#samples, ...ahead.map(([at_s, limit]) => [at_s, null, limit]), [now_s + AHEAD_S, null, last]];
    return { now_s, columns: [0, 1, 2].map((column) => rows.map((row) => row[column])) };
  }

  #draw() {
    const data = this.#plot && this.#place.offsetParent ? this.#data() : null;
    if (!data) return;
    this.#plot.batch(() => {
      this.#plot.setData(data.columns, false);
      this.#plot.setScale("x", { min: data.now_s - BEHIND_S, max: data.now_s + AHEAD_S });
      const highest = Math.max(10, ...data.columns[1], ...data.columns[2]);
      this.#plot.setScale("y", { min: 0, max: highest * 1.08 });
    });
  }

  #fit() {
    const width = this.#place.clientWidth;
    if (!width) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT_PX });
    else this.#plot = new window.uPlot(options(width, this.#place), [[], [], []], this.#place);
    this.#draw();
  }

  #drop() {
    this.#plot?.destroy();
    this.#plot = null;
  }
}

function options(width, place) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--bench-muted"), grid: { stroke: colour("--bench-line"), width: 1 }, ticks: { show: false } };
  const { uPlot } = window;
  return {
    width,
    height: HEIGHT_PX,
    tzDate: (at_s) => uPlot.tzDate(new Date(at_s * 1000), "Etc/UTC"),
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      { ...axis, size: 26, values: (_, ticks) => ticks.map((at_s) => new Date(at_s * 1000).toISOString().slice(11, 16)) },
      { ...axis, size: 58, values: (_, ticks) => ticks.map((value) => `${value} kW`) },
    ],
    series: [
      {},
      { label: "drawn", stroke: colour("--bench-drawn"), fill: colour("--bench-drawn-fill"), width: 2, points: { show: false } },
      { label: "limit", stroke: colour("--bench-limit"), width: 1.5, dash: [5, 4], paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
    ],
    hooks: { draw: [(plot) => line(plot, colour("--bench-muted"))] },
  };
}

/** The present: where what was measured ends. */
function line(plot, colour) {
  const { left, top, width, height } = plot.bbox;
  const x = left + (width * BEHIND_S) / (BEHIND_S + AHEAD_S);
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.beginPath();
  plot.ctx.moveTo(x, top);
  plot.ctx.lineTo(x, top + height);
  plot.ctx.stroke();
  plot.ctx.restore();
}
