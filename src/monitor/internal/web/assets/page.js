// The monitor's page. The server has written the tables; this keeps them up to
// date from the stream of snapshots, and draws charts of the history. What a
// cell shows is said by its data-path and data-format, as the server read it.

// ---- Figures: the same as path.go and format.go -------------------------------------

const none = "–";

// at returns what a path of names leads to.
export function at(v, path) {
  for (const name of path.split(".")) {
    if (v === null || typeof v !== "object" || Array.isArray(v) || !Object.hasOwn(v, name)) return undefined;
    v = v[name];
  }
  return v;
}

const elements = v => Array.isArray(v) ? v : [];

// list returns the elements that an expression stands for: paths separated by |,
// in which * stands for every name.
export function list(v, expression) {
  const all = [];
  for (const path of expression.split("|")) {
    const star = path.indexOf("*");
    if (star < 0) {
      all.push(...elements(at(v, path)));
      continue;
    }
    const objects = at(v, path.slice(0, star).replace(/\.$/, "")) ?? {};
    const after = path.slice(star + 1).replace(/^\./, "");
    for (const name of Object.keys(objects).sort()) {
      for (const e of after ? elements(at(objects[name], after)) : [objects[name]]) all.push({...e, collector: name});
    }
  }
  return all;
}

const grouped = v => Math.abs(v).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",").replace(/^(?=.*[1-9])/, v < 0 ? "-" : "");

function digits(v) {
  const a = Math.abs(v);
  return a >= 99.95 || Number.isInteger(v) ? grouped(v) : v.toFixed(a >= 9.995 ? 1 : 2);
}

function scaled(v, step, units) {
  let i = 0;
  for (; Math.abs(v) >= step && i < units.length - 1; i++) v /= step;
  return digits(v) + " " + units[i];
}

function length(seconds) {
  if (seconds < 60) return digits(seconds) + " s";
  const s = Math.trunc(seconds);
  if (s < 3600) return `${Math.trunc(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.trunc(s / 3600)} h ${Math.trunc(s % 3600 / 60)} min`;
  return `${grouped(Math.trunc(s / 86400))} d ${Math.trunc(s % 86400 / 3600)} h`;
}

const binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function number(f, v) {
  switch (f) {
  case "bytes": return scaled(v, 1024, binary);
  case "rate": return scaled(v, 1024, binary.map(u => u + "/s"));
  case "bits": return scaled(8 * v, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
  case "hertz": return scaled(v, 1000, ["Hz", "kHz", "MHz", "GHz"]);
  case "percent": return v.toFixed(1) + "%";
  case "share": return (100 * v).toFixed(1) + "%";
  case "persecond": return digits(v) + "/s";
  case "seconds": return length(v);
  case "count": return grouped(v);
  case "plain": return v.toFixed(0);
  default: return digits(v);
  }
}

function fullest(filesystems) {
  let most = -1, where = "";
  for (const f of filesystems) {
    const used = at(f, "usage.usedPercent");
    if (typeof used === "number" && used > most) [most, where] = [used, f.mountpoint];
  }
  return most < 0 ? none : `${number("percent", most)} of ${where}`;
}

// format writes a value as it is shown at a moment, in milliseconds since 1970.
export function format(f, v, now) {
  if (typeof v === "number") return Number.isFinite(v) ? number(f, v) : none;
  if (typeof v === "boolean") return f === "whose" ? (v ? "the host's" : "this container's") : v ? "yes" : "no";
  if (Array.isArray(v)) return fullest(v);
  if (typeof v !== "string" || v === "") return none;
  if (f !== "moment" && f !== "ago") return v;
  const t = Date.parse(v);
  if (Number.isNaN(t)) return v;
  if (f === "ago") return length(Math.round(Math.max(0, now - t) / 1000));
  return new Date(t).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

// ---- Series: the same as the history's ----------------------------------------------

export const refOf = (series, item) => item ? `${series}:${item}` : series;

// gauges returns the values of a snapshot as [series, item, value, time].
function gauges(s) {
  const all = [];
  for (const [collector, reading] of Object.entries(s.readings ?? {})) {
    const d = reading.data, t = Date.parse(reading.sampledAt);
    const add = (series, v, item = "") => { if (typeof v === "number") all.push([series, item, v, t]); };
    const waited = name => add(name, at(d, "pressure.some.percent10s"));
    switch (collector) {
    case "cpu":
      add("cpu.busy_percent", at(d, "percent.busy"));
      add("cpu.load1", at(d, "load.1m"));
      waited("cpu.pressure_percent");
      for (const c of elements(d.cores)) add("cpu.busy_percent", c.percent?.busy, c.id);
      break;
    case "memory":
      add("memory.used_percent", d.usedPercent);
      add("memory.swap_used_percent", d.swap?.usedPercent);
      waited("memory.pressure_percent");
      break;
    case "disk":
      waited("disk.pressure_percent");
      for (const f of elements(d.filesystems)) add("disk.used_percent", f.usage?.usedPercent, f.mountpoint);
      break;
    case "cgroup":
      add("cgroup.used_cores", d.usedCores);
      add("cgroup.cpu_limit_used_percent", d.cpuLimitUsedPercent);
      add("cgroup.memory_limit_used_percent", at(d, "memory.limit.usedPercent"));
      add("cgroup.memory_limit_working_set_percent", at(d, "memory.limit.workingSetPercent"));
    }
  }
  return all;
}

// counters returns those of a snapshot of which rates are shown, the same way.
// The fifth element says whether it is part of the total.
function counters(s) {
  const all = [], disk = s.readings?.disk, network = s.readings?.network;
  for (const d of elements(disk?.data.devices)) {
    const t = Date.parse(disk.sampledAt);
    all.push(["disk.read_bytes_per_second", d.name, d.read.bytes, t, true], ["disk.written_bytes_per_second", d.name, d.write.bytes, t, true]);
  }
  for (const i of elements(network?.data.interfaces)) {
    const t = Date.parse(network.sampledAt), counts = i.name !== "lo";
    all.push(["network.received_bytes_per_second", i.name, i.receive.bytes, t, counts], ["network.sent_bytes_per_second", i.name, i.transmit.bytes, t, counts]);
  }
  return all;
}

// figures returns what a snapshot says after an earlier one, by series and item,
// as {t, v}. A counter that is new or fell has no rate.
export function figures(before, now) {
  const all = new Map(), earlier = new Map(), sums = new Map();
  for (const [series, item, v, t] of gauges(now)) all.set(refOf(series, item), {t, v});
  if (!before) return all;
  for (const [series, item, v, t] of counters(before)) earlier.set(refOf(series, item), {t, v});
  for (const [series, item, v, t, counts] of counters(now)) {
    const b = earlier.get(refOf(series, item));
    if (!b || v < b.v || t <= b.t) continue;
    const rate = (v - b.v) / (t - b.t) * 1000;
    all.set(refOf(series, item), {t, v: rate});
    if (counts) sums.set(series, {t, v: (sums.get(series)?.v ?? 0) + rate});
  }
  for (const [series, sum] of sums) all.set(series, sum);
  return all;
}

// points joins what the history has of a series: means where there are no samples
// any more, each with its least and most.
export function points(series) {
  const first = series.samples.length ? series.samples[0][0] : Infinity;
  const old = series.buckets.filter(b => b[0] + 10000 <= first).map(([t, v, lo, hi]) => ({t: t + 5000, v, lo, hi}));
  return old.concat(series.samples.map(([t, v]) => ({t, v, lo: v, hi: v})));
}

// binned returns at most n points of a range, with the least and most of each bin.
export function binned(all, from, to, n) {
  const out = [], width = Math.max(1, (to - from) / n);
  let bin = null;
  for (const p of all) {
    if (p.t < from || p.t > to) continue;
    const at = Math.floor((p.t - from) / width);
    if (bin?.at !== at) out.push(bin = {at, t: 0, v: 0, lo: p.lo, hi: p.hi, n: 0});
    bin.n++;
    bin.t += (p.t - bin.t) / bin.n;
    bin.v += (p.v - bin.v) / bin.n;
    bin.lo = Math.min(bin.lo, p.lo);
    bin.hi = Math.max(bin.hi, p.hi);
  }
  return out;
}

// ceiling returns a round number at or above a value, for the end of an axis.
export function ceiling(v, base2) {
  if (!(v > 0)) return 1;
  if (base2) return 2 ** Math.ceil(Math.log2(v));
  const p = 10 ** Math.floor(Math.log10(v));
  return p * [1, 2, 5, 10].find(m => m * p >= v * (1 - 1e-9));
}

// csv returns rows of times and values, the columns of each series being value, least
// and most. A name that a spreadsheet would take for a formula is quoted.
export function csv(series, from, to) {
  const quote = s => '"' + (/^[=+\-@\t\r]/.test(s) ? "'" : "") + s.replaceAll('"', '""') + '"';
  const times = new Map();
  series.forEach(({points}, i) => {
    for (const p of points) {
      if (p.t < from || p.t > to) continue;
      if (!times.has(p.t)) times.set(p.t, []);
      times.get(p.t)[i] = `${p.v},${p.lo},${p.hi}`;
    }
  });
  const head = ["time", ...series.flatMap(({name}) => [name, `${name} (least)`, `${name} (most)`].map(quote))];
  const rows = [...times].sort((a, b) => a[0] - b[0]).map(([t, cells]) => [new Date(t).toISOString(), ...series.map((_, i) => cells[i] ?? ",,")]);
  return [head, ...rows].map(r => r.join(",") + "\r\n").join("");
}

// ---- The page -----------------------------------------------------------------------

const kept = 2 * 3600e3; // ms of history
const charted = [
  {id: "cpu", title: "Processors", format: "percent", top: 100, series: {"cpu.busy_percent": "all", "cgroup.cpu_limit_used_percent": "own cgroup, of its limit"}},
  {id: "memory", title: "Memory", format: "percent", top: 100, series: {"memory.used_percent": "used", "memory.swap_used_percent": "swap", "cgroup.memory_limit_used_percent": "own cgroup, of its limit", "cgroup.memory_limit_working_set_percent": "own cgroup, working set"}},
  {id: "disk", title: "Disks", format: "rate", series: {"disk.read_bytes_per_second": "read", "disk.written_bytes_per_second": "written"}},
  {id: "network", title: "Network", format: "rate", series: {"network.received_bytes_per_second": "in", "network.sent_bytes_per_second": "out"}},
  {id: "pressure", title: "Tasks that waited", format: "percent", series: {"cpu.pressure_percent": "for a processor", "memory.pressure_percent": "for memory", "disk.pressure_percent": "for a disk"}},
  {id: "load", title: "Load", format: "number", series: {"cpu.load1": "tasks, over a minute", "cgroup.used_cores": "processors that the own cgroup keeps busy"}},
  {id: "space", title: "File systems", format: "percent", top: 100, series: {}},
];
const words = {"disk.read_bytes_per_second": " read", "disk.written_bytes_per_second": " written", "network.received_bytes_per_second": " in", "network.sent_bytes_per_second": " out"};

function make(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) k.startsWith("on") ? e.addEventListener(k.slice(2), v) : e.setAttribute(k, v);
  e.append(...children);
  return e;
}

function draw(name, attributes = {}, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

function start() {
  const root = document.documentElement, $ = id => document.getElementById(id);
  const interval = Number(root.dataset.interval) || 1000;
  const live = matchMedia("(prefers-color-scheme: dark)");

  // What is known: the newest snapshot and its figures, and points by series.
  let snapshot = null, latest = new Map(), skew = 0;
  const store = new Map(), picked = new Set();
  let loadedFrom = Infinity, contents = new Set();
  // What is looked at: the last span, or a range that stands; and where the crosshair is.
  const view = {span: 600e3, range: null, cursor: null, selection: null};
  const now = () => Date.now() - skew; // by the server's clock
  const range = () => view.range ?? [now() - view.span, now()];

  // ---- State of the connection ----
  let source = null, heard = Date.now(), gone = 0, returned = 0, retry = 0;

  function say(text, ...more) {
    const state = $("state");
    if (state.firstChild?.data !== text) state.replaceChildren(text, ...more);
  }

  function connect() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("api/v1/stream?peers=include");
    source.addEventListener("snapshot", e => {
      heard = Date.now();
      back();
      take(JSON.parse(e.data));
    });
    source.addEventListener("end", () => lost("The server is about to end"));
    source.addEventListener("error", () => {
      lost("The server is gone");
      // After an answer that is no stream, a browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(retry);
        retry = setTimeout(connect, 2000);
      }
    });
  }

  function lost(what) {
    if (!gone) gone = Date.now();
    root.classList.add("gone");
    say(`${what}: figures stand since ${clock(gone - skew, true)}; trying again.`);
  }

  async function back() {
    if (!gone) {
      if (Date.now() - returned > 60e3) say("Live.");
      return;
    }
    const away = Math.round((Date.now() - gone) / 1000);
    gone = 0;
    root.classList.remove("gone");
    returned = Date.now();
    say(`Live again after ${away} s.`);
    load(true);
    try {
      const v = await (await fetch("version")).json();
      if (`${v.version} ${v.revision}` !== root.dataset.version) {
        returned = Infinity; // said until the page is loaded again
        say("Live again, and another version.", " ", make("button", {type: "button", onclick: () => location.reload()}, "Load the page again"));
      }
    } catch { /* gone again: the stream says so */ }
  }

  setInterval(() => {
    if (Date.now() - heard > Math.max(20e3, 3 * interval + 5e3)) {
      heard = Date.now();
      lost("The server is silent");
      connect();
    }
  }, 1000);

  // ---- A new snapshot ----
  function take(next) {
    const times = Object.values(next.readings).map(r => Date.parse(r.sampledAt));
    if (times.length) skew = Date.now() - Math.max(...times);
    const found = figures(snapshot, next);
    for (const [ref, p] of found) {
      latest.set(ref, p.v);
      if (ref.includes(":") && !picked.has(ref)) continue;
      add(ref, p);
    }
    // A thing that is gone has no figure; one whose counter fell keeps its last.
    const there = new Set(counters(next).map(([series, item]) => refOf(series, item)));
    for (const ref of latest.keys()) if (ref.includes(":") && !found.has(ref) && !there.has(ref)) latest.delete(ref);
    const first = !snapshot;
    snapshot = next;
    if (first) space();
    if (!document.hidden) show();
  }

  function add(ref, {t, v}) {
    if (!store.has(ref)) store.set(ref, []);
    const all = store.get(ref);
    if (all.length && all[all.length - 1].t >= t) return;
    all.push({t, v, lo: v, hi: v});
    if (all[0].t < t - kept - 600e3) all.splice(0, all.findIndex(p => p.t >= t - kept));
  }

  function show() {
    if (snapshot) {
      $("asof").textContent = `As of ${format("moment", new Date(now()).toISOString(), 0)}.`;
      tables();
      heat.draw();
    }
    for (const c of charts) c.draw();
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
  live.addEventListener("change", show);

  // ---- History ----
  async function load(again) {
    if (!("history" in root.dataset)) return;
    const from = Math.min(range()[0], again ? loadedFrom : Infinity);
    if (!again && from >= loadedFrom - interval) return;
    loadedFrom = from;
    try {
      const all = await (await fetch("api/v1/history")).json();
      contents = new Set(all.series.map(s => refOf(s.series, s.item)));
      note.textContent = all.leftOut.length ? `The history has no room for ${grouped(all.leftOut.length)} series: see --history-memory.` : "";
      const wanted = [...charted.flatMap(c => Object.keys(c.series)), ...picked].filter(ref => contents.has(ref));
      await fetchSeries(wanted, from);
    } catch { loadedFrom = Infinity; } // the stream says that the server is gone
  }

  async function fetchSeries(wanted, from) {
    for (let i = 0; i < wanted.length; i += 16) {
      const query = new URLSearchParams([["from", (Math.max(0, from - 10e3) / 1000).toFixed(3)]]);
      for (const ref of wanted.slice(i, i + 16)) query.append("series", ref);
      const answer = await fetch("api/v1/history?" + query);
      if (!answer.ok) continue;
      for (const s of (await answer.json()).series) {
        const ref = refOf(s.series, s.item), loaded = points(s), mine = store.get(ref) ?? [];
        // A server that was started anew has lost what the page still has.
        const first = loaded.length ? loaded[0].t : Infinity, last = loaded.length ? loaded[loaded.length - 1].t : -Infinity;
        store.set(ref, [...mine.filter(p => p.t < first), ...loaded, ...mine.filter(p => p.t > last)]);
      }
    }
    show();
  }

  // ---- Tables ----
  const fixed = [...document.querySelectorAll("dl [data-format], td[data-path]")];
  const lists = [...document.querySelectorAll("table[data-list]")].map(table => ({
    table, body: table.tBodies[0], rows: new Map([...table.tBodies[0].rows].map(tr => [tr.dataset.key, tr])),
    columns: [...table.tHead.rows[0].cells].map(th => ({path: th.dataset.path, format: th.dataset.format, series: th.dataset.series, bar: "bar" in th.dataset, words: th.classList.contains("t")})),
    keys: table.dataset.key.split(" "), count: table.closest("section").querySelector(".count"), absent: table.parentElement.querySelector(".absent"),
    details: table.closest("details"), chart: table.dataset.chart, series: (table.dataset.series ?? "").split(" ").filter(Boolean),
  }));

  function put(cell, text, share) {
    if (cell.tagName === "STRONG") {
      const bar = cell.parentElement.querySelector("meter");
      if (bar && typeof share === "number") bar.value = share;
    }
    if (cell.shown === text) return;
    cell.shown = text;
    if (cell.tagName === "TD" && typeof share === "number") {
      const bar = cell.querySelector("meter") ?? make("meter", {max: 100, low: 80, high: 95, optimum: 0, "aria-hidden": "true"});
      bar.value = share;
      cell.replaceChildren(bar, " " + text);
    } else {
      cell.textContent = text;
    }
  }

  function tables() {
    const t = now();
    for (const cell of fixed) {
      const v = cell.dataset.series ? latest.get(cell.dataset.series) : cell.dataset.path ? at(snapshot, cell.dataset.path) : undefined;
      if (cell.dataset.path || cell.dataset.series) put(cell, format(cell.dataset.format, v, t), "bar" in cell.dataset || cell.tagName === "STRONG" ? v : undefined);
    }
    for (const l of lists) fill(l, t);
  }

  function fill(l, t) {
    const all = list(snapshot, l.table.dataset.list);
    l.count.textContent = String(all.length);
    l.absent.hidden = all.length > 0;
    if (!l.details.open) return;
    const seen = new Set();
    let place = l.body.firstElementChild;
    for (const e of all) {
      const names = l.keys.map(k => String(at(e, k) ?? "")), key = names.join("\t"), item = names[names.length - 1];
      if (seen.has(key)) continue;
      seen.add(key);
      let tr = l.rows.get(key);
      if (!tr) {
        tr = make("tr", {"data-key": key}, make("th", {scope: "row"}), ...l.columns.slice(1).map(c => make("td", c.words ? {class: "t"} : {})));
        l.rows.set(key, tr);
      }
      if (tr !== place) l.body.insertBefore(tr, place);
      else place = place.nextElementSibling;
      l.columns.forEach((c, i) => {
        const v = c.series ? latest.get(refOf(c.series, item)) : at(e, c.path);
        if (i === 0 && l.series.length) head(tr.cells[0], l, item, format(c.format, v, t));
        else put(tr.cells[i], format(c.format, v, t), c.bar ? v : undefined);
      });
    }
    for (const [key, tr] of l.rows) {
      if (seen.has(key)) continue;
      tr.remove();
      l.rows.delete(key);
    }
  }

  // head makes the name of a thing a button that shows its history in a chart.
  function head(th, l, item, text) {
    const wanted = l.series.map(s => refOf(s, item));
    let button = th.querySelector("button");
    if (!button) {
      button = make("button", {type: "button", class: "pick", title: "Show in the chart", onclick: () => pick(l.chart, wanted)});
      th.replaceChildren(button);
    }
    if (button.shown !== text) button.textContent = button.shown = text;
    button.setAttribute("aria-pressed", String(picked.has(wanted[0])));
  }

  async function pick(id, wanted) {
    const chart = charts.find(c => c.id === id), on = !picked.has(wanted[0]);
    for (const ref of wanted) {
      if (on) picked.add(ref);
      else { picked.delete(ref); store.delete(ref); }
      chart.toggle(ref, on);
    }
    if (snapshot) show();
    if (on && "history" in root.dataset) {
      try { await fetchSeries(wanted, Math.min(loadedFrom, range()[0])); } catch { /* the chart begins now */ }
    }
  }
  // space picks the fullest file systems at the start.
  function space() {
    const counted = elements(at(snapshot, "readings.disk.data.filesystems")).filter(f => f.counted && f.usage);
    for (const f of counted.sort((a, b) => b.usage.usedPercent - a.usage.usedPercent).slice(0, 3)) pick("space", [refOf("disk.used_percent", f.mountpoint)]);
  }
  for (const l of lists) l.details.addEventListener("toggle", () => { if (l.details.open && snapshot) fill(l, now()); });

  // ---- Charts ----
  const clock = (t, seconds) => new Date(t).toLocaleTimeString("en-GB", {hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined});
  const note = make("p", {class: "note"}), spoken = make("output", {class: "spoken", "aria-live": "polite"});
  const spans = [[300e3, "5 min"], [600e3, "10 min"], [1800e3, "30 min"], [7200e3, "2 h"]].map(([span, text]) => [span,
    make("button", {type: "button", onclick: () => look(span, null)}, text)]);
  const liveButton = make("button", {type: "button", onclick: () => look(view.span, null)}, "Back to now");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  // look changes what all charts show.
  function look(span, fixedRange) {
    view.span = span;
    view.range = fixedRange && [Math.max(fixedRange[0], now() - kept), fixedRange[1]];
    view.selection = null;
    for (const [s, button] of spans) button.setAttribute("aria-pressed", String(!view.range && s === span));
    liveButton.hidden = !view.range;
    show();
    load(false);
  }

  function move(t) {
    view.cursor = t;
    for (const c of charts) c.draw();
  }

  class Chart {
    constructor(spec) {
      Object.assign(this, spec, {lines: [], width: 0});
      this.svg = draw("svg", {tabindex: 0, role: "application", "aria-roledescription": "chart", "aria-describedby": "keys"});
      this.legend = make("div", {class: "legend"});
      this.figure = make("figure", {class: "chart", hidden: ""}, make("figcaption", {}, make("h2", {}, this.title),
        make("button", {type: "button", "aria-label": `${this.title}: CSV of what is shown`, onclick: () => this.save()}, "CSV")), this.svg, this.legend);
      this.svg.addEventListener("pointermove", e => this.pointed(e));
      this.svg.addEventListener("pointerdown", e => {
        this.from = this.timeAt(e);
        this.svg.setPointerCapture(e.pointerId);
      });
      this.svg.addEventListener("pointerup", e => {
        const [a, b] = [this.from, this.timeAt(e)].sort((x, y) => x - y);
        this.from = undefined;
        view.selection = null;
        if (a !== undefined && Math.abs(this.x(b) - this.x(a)) > 6) this.zoom(a, b);
        else move(this.timeAt(e));
      });
      this.svg.addEventListener("pointercancel", () => { this.from = undefined; view.selection = null; move(null); });
      this.svg.addEventListener("pointerleave", () => { if (this.from === undefined) move(null); });
      this.svg.addEventListener("keydown", e => this.key(e));
      new ResizeObserver(() => this.draw()).observe(this.figure);
      for (const [ref, name] of Object.entries(this.series)) this.line(ref, name);
    }

    line(ref, name) {
      const i = this.lines.length, used = new Set(this.lines.map(l => l.colour));
      const colour = [0, 1, 2, 3, 4, 5, 6, 7].find(c => !used.has(c)) ?? i % 8;
      const line = {ref, name, colour, on: true, value: document.createTextNode("")};
      line.button = make("button", {type: "button", class: `line c${colour}`, "aria-pressed": "true", onclick: () => {
        line.on = !line.on;
        line.button.setAttribute("aria-pressed", String(line.on));
        this.draw();
      }}, make("i", {"aria-hidden": "true"}), name + " ", make("b", {}, line.value));
      line.button.hidden = true;
      this.lines.push(line);
      this.legend.append(line.button);
    }

    // toggle adds or removes the series of an item.
    toggle(ref, on) {
      const i = this.lines.findIndex(l => l.ref === ref);
      if (on && i < 0) {
        const cut = ref.indexOf(":"), series = ref.slice(0, cut), item = ref.slice(cut + 1);
        this.line(ref, (this.id === "cpu" ? "processor " : "") + item + (words[series] ?? ""));
      } else if (!on && i >= 0) {
        this.lines[i].button.remove();
        this.lines.splice(i, 1);
      }
    }

    zoom(a, b) {
      const middle = (a + b) / 2, half = Math.max(b - a, 10e3) / 2;
      look(view.span, [middle - half, middle + half]);
    }

    get shown() { return this.lines.filter(l => l.on && store.get(l.ref)?.length); }

    x(t) { const [from, to] = range(); return this.left + (t - from) / (to - from) * (this.width - this.left - 8); }

    timeAt(e) {
      const [from, to] = range(), x = e.clientX - this.svg.getBoundingClientRect().left;
      return Math.min(to, Math.max(from, from + (x - this.left) / (this.width - this.left - 8) * (to - from)));
    }

    pointed(e) {
      const t = this.timeAt(e);
      if (this.from !== undefined) view.selection = [this.from, t];
      move(t);
    }

    key(e) {
      const [from, to] = range(), step = Math.max(interval, (to - from) / 100), at = view.cursor ?? to;
      const to2 = {ArrowLeft: at - step, ArrowRight: at + step, Home: from, End: to}[e.key];
      if (to2 !== undefined) {
        const t = Math.min(to, Math.max(from, to2));
        view.selection = e.shiftKey ? [view.selection?.[0] ?? at, t] : null;
        move(t);
        this.speak();
      } else if (e.key === "Enter" && view.selection) {
        this.zoom(...[...view.selection].sort((x, y) => x - y));
      } else if (e.key === "+" || e.key === "-") {
        const half = (to - from) * (e.key === "+" ? 0.25 : 1);
        const middle = view.cursor ?? (from + to) / 2;
        this.zoom(Math.max(middle - half, now() - kept), Math.min(middle + half, now()));
      } else if (e.key === "Escape") {
        const was = view.selection;
        view.selection = null;
        move(null);
        if (!was && view.range) look(view.span, null);
      } else {
        return;
      }
      e.preventDefault();
    }

    speak() {
      spoken.textContent = `${clock(view.cursor, true)}: ` + this.shown.map(l => `${l.name} ${l.value.data}`).join(", ");
    }

    // nearest is the point of a line that the crosshair is at, if one is near.
    nearest(all, t) {
      let best = null;
      for (const p of all) if (!best || Math.abs(p.t - t) < Math.abs(best.t - t)) best = p;
      return best && Math.abs(best.t - t) <= Math.max(2 * interval, 6e3, best.lo !== best.hi ? 15e3 : 0) ? best : null;
    }

    draw() {
      const any = this.lines.some(l => store.get(l.ref)?.length);
      this.figure.hidden = !any;
      if (!any) return;
      section.hidden = false;
      const width = this.svg.getBoundingClientRect().width, em = (parseFloat(getComputedStyle(root).fontSize) || 16) * 0.8;
      const height = Math.round(Math.min(24 * em, Math.max(12 * em, width / 3)));
      if (!width) return; // not laid out yet
      Object.assign(this, {width, em, left: em * (this.format === "rate" ? 6.2 : 4)});
      const [from, to] = range(), bottom = height - 1.7 * em, top = 0.7 * em;
      const drawn = this.shown.map(l => ({line: l, bins: binned(store.get(l.ref), from, to, width / 2)}));
      const peak = Math.max(0, ...drawn.flatMap(d => d.bins.map(b => b.hi)));
      const max = this.top ?? (this.format === "rate" ? ceiling(Math.max(1024, peak), true) : ceiling(peak, false));
      const y = v => bottom - Math.min(1, v / max) * (bottom - top), n = v => v.toFixed(1);
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.setAttribute("height", height);
      const parts = [];
      for (const share of [0, 0.5, 1]) {
        parts.push(draw("line", {class: "grid", x1: this.left, x2: width - 8, y1: n(y(share * max)), y2: n(y(share * max))}));
        parts.push(draw("text", {class: "y", x: this.left - em / 2, y: n(y(share * max) + em / 3)}, number(this.format === "percent" && max >= 2 ? "count" : this.format, share * max) + (this.format === "percent" && max >= 2 ? "%" : "")));
      }
      parts.push(...this.times(from, to, bottom));
      for (const {line, bins} of drawn) parts.push(...this.path(line, bins, from, to, y, n));
      if (view.selection) {
        const [a, b] = [...view.selection].sort((p, q) => p - q).map(t => this.x(t));
        parts.push(draw("rect", {class: "selection", x: n(a), width: n(b - a), y: top, height: bottom - top}));
      }
      const cursor = view.cursor !== null && view.cursor >= from && view.cursor <= to ? view.cursor : null;
      if (cursor !== null) {
        const x = this.x(cursor);
        parts.push(draw("line", {class: "cross", x1: n(x), x2: n(x), y1: top, y2: bottom}));
        parts.push(draw("text", {class: x > width / 2 ? "at end" : "at", x: n(x + (x > width / 2 ? -5 : 5)), y: top + em}, clock(cursor, true)));
      }
      this.svg.replaceChildren(...parts);
      for (const l of this.lines) {
        const all = store.get(l.ref) ?? [];
        const p = cursor !== null ? this.nearest(all, cursor) : view.range ? all.findLast(q => q.t >= from && q.t <= to) : all[all.length - 1];
        l.button.hidden = !all.length;
        const text = p ? format(this.format, p.v, 0) : none;
        if (l.value.data !== text) l.value.data = text;
        if (cursor !== null && p && l.on) this.svg.append(draw("circle", {class: `c${l.colour}`, cx: n(this.x(p.t)), cy: n(y(p.v)), r: 3}));
      }
      this.svg.setAttribute("aria-label", `${this.title}, ${clock(from, true)} to ${clock(to, true)}: ` + this.shown.map(l => `${l.name} ${l.value.data}`).join(", "));
    }

    times(from, to, bottom) {
      const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map(s => s * 1000), room = Math.max(2, (this.width - this.left) / (6.5 * this.em));
      const step = steps.find(s => (to - from) / s <= room) ?? 7200e3, parts = [];
      const offset = new Date(to).getTimezoneOffset() * 60e3;
      for (let t = Math.ceil((from - offset) / step) * step + offset; t <= to; t += step) {
        const x = this.x(t).toFixed(1);
        parts.push(draw("line", {class: "grid", x1: x, x2: x, y1: bottom, y2: bottom + 4}));
        if (x > this.left + 1.5 * this.em && x < this.width - 2 * this.em) parts.push(draw("text", {class: "x", x, y: bottom + 1.4 * this.em}, clock(t, step < 60e3)));
      }
      return parts;
    }

    // path draws a line, and the band between least and most; both break where there
    // is no figure.
    path(line, bins, from, to, y, n) {
      const gap = Math.max(3 * interval, 25e3, 2.5 * (to - from) / (this.width / 2));
      const runs = [];
      for (const [i, b] of bins.entries()) {
        if (!i || b.t - bins[i - 1].t > gap) runs.push([]);
        runs[runs.length - 1].push(b);
      }
      const at = (b, v) => `${n(this.x(b.t))} ${n(y(v))}`;
      const d = runs.map(r => "M" + r.map(b => at(b, b.v)).join("L") + (r.length === 1 ? "h.1" : "")).join("");
      const band = runs.filter(r => r.some(b => b.hi > b.lo)).map(r => "M" + r.map(b => at(b, b.hi)).join("L") + "L" + r.toReversed().map(b => at(b, b.lo)).join("L") + "Z").join("");
      const parts = band ? [draw("path", {class: `band c${line.colour}`, d: band})] : [];
      return d ? [...parts, draw("path", {class: `line c${line.colour}`, d})] : parts;
    }

    save() {
      const text = csv(this.shown.map(l => ({name: l.ref, points: store.get(l.ref)})), ...range());
      const url = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
      make("a", {href: url, download: `monitor-${$("host").textContent.replace(/[^\w.-]+/g, "_")}-${this.id}.csv`}).click();
      setTimeout(() => URL.revokeObjectURL(url), 10e3);
    }
  }

  // ---- Heat map of processors ----
  const heat = {
    canvas: make("canvas", {tabindex: 0, role: "application", "aria-roledescription": "heat map", "aria-label": "Processors"}), text: make("output", {}), index: null, size: 0, columns: 1,
    get cores() { return elements(snapshot?.readings?.cpu?.data.cores); },
    draw() {
      const cores = this.cores, box = $("heat");
      box.hidden = cores.length < 2;
      if (box.hidden) return;
      const width = this.canvas.getBoundingClientRect().width;
      if (!width) return; // not laid out yet
      const most = Math.max(120, Math.min(320, innerHeight / 4));
      for (this.size = 32; this.size > 3; this.size--) {
        this.columns = Math.max(1, Math.floor(width / this.size));
        if (Math.ceil(cores.length / this.columns) * this.size <= most) break;
      }
      const {size, columns} = this, scale = devicePixelRatio || 1, height = Math.ceil(cores.length / columns) * size;
      Object.assign(this.canvas, {width: Math.round(width * scale), height: Math.round(height * scale)});
      this.canvas.style.height = height + "px";
      const g = this.canvas.getContext("2d"), css = getComputedStyle(root), colour = name => css.getPropertyValue(name).trim();
      const low = colour("--heat-low").split(" ").map(Number), high = colour("--heat-high").split(" ").map(Number);
      g.scale(scale, scale);
      const inset = size > 6 ? 1 : 0.25;
      let sum = 0, n = 0, top = null;
      cores.forEach((c, i) => {
        const x = i % columns * size, y = Math.floor(i / columns) * size, v = c.percent?.busy;
        if (typeof v === "number") {
          const mix = low.map((l, k) => Math.round(l + (high[k] - l) * v / 100));
          g.fillStyle = `rgb(${mix.join(" ")})`;
          g.fillRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
          sum += v;
          n++;
          if (!top || v > top.percent.busy) top = c;
        } else {
          g.strokeStyle = colour("--grid");
          g.strokeRect(x + 1, y + 1, size - 2, size - 2);
        }
        if (i === this.index) {
          g.strokeStyle = colour("--ink");
          g.lineWidth = 2;
          g.strokeRect(x + 1, y + 1, size - 2, size - 2);
          g.lineWidth = 1;
        }
      });
      const all = n ? `${grouped(cores.length)} processors, ${number("percent", sum / n)} busy on average; the busiest is ${top.id} with ${number("percent", top.percent.busy)}` : `${grouped(cores.length)} processors`;
      this.canvas.setAttribute("aria-label", all);
      const c = cores[this.index];
      const text = c ? `Processor ${c.id}: ${format("percent", c.percent?.busy, 0)} busy` : all + ".";
      if (this.text.textContent !== text) this.text.textContent = text;
    },
    at(e) {
      const box = this.canvas.getBoundingClientRect(), x = Math.floor((e.clientX - box.left) / this.size), y = Math.floor((e.clientY - box.top) / this.size);
      const i = y * this.columns + x;
      return x >= 0 && x < this.columns && i >= 0 && i < this.cores.length ? i : null;
    },
    move(i) {
      this.index = i;
      this.draw();
    },
    pick() { if (this.cores[this.index]) pick("cpu", [refOf("cpu.busy_percent", this.cores[this.index].id)]); },
    build() {
      this.canvas.addEventListener("pointermove", e => this.move(this.at(e)));
      this.canvas.addEventListener("pointerleave", () => this.move(null));
      this.canvas.addEventListener("click", () => this.pick());
      this.canvas.addEventListener("blur", () => this.move(null));
      this.canvas.addEventListener("keydown", e => {
        const last = this.cores.length - 1, i = this.index ?? -1;
        const next = {ArrowLeft: i - 1, ArrowRight: i + 1, ArrowUp: i - this.columns, ArrowDown: i + this.columns, Home: 0, End: last}[e.key];
        if (next !== undefined) this.move(Math.min(last, Math.max(0, next)));
        else if (e.key === "Enter" || e.key === " ") this.pick();
        else return;
        e.preventDefault();
      });
      $("heat").append(make("h2", {}, "Processors now"), this.canvas, make("p", {}, this.text, make("small", {}, " The stronger the colour, the busier. A click, or Enter, shows one in the chart.")));
      new ResizeObserver(() => this.draw()).observe($("heat"));
    },
  };

  const section = $("charts"), charts = charted.map(spec => new Chart(spec));
  section.append(make("div", {class: "tools", role: "group", "aria-label": "Range"}, ...spans.map(([, b]) => b), liveButton, make("small", {}, `Times are ${zone}.`)),
    ...charts.map(c => c.figure), note, spoken,
    make("p", {id: "keys", class: "note"}, "Drag over a chart to look closer. By keyboard: arrows move the crosshair, Shift with them selects, Enter looks closer, + and − zoom, Escape goes back. Names in the tables below show their history here."));
  heat.build();
  look(view.span, null);
  connect();
}

if (typeof document !== "undefined") start();
