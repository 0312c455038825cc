// Sparklines, the heat map, and the curve of capacity. Drawn by hand: a few lines each, and nothing to load.

import { h, svg, text } from "./dom.js";
import { ago, clock, count, plain, time } from "./format.js";

/** The last values of a number, one a step. */
export class Series {
  constructor(len) { this.len = len; this.values = []; }
  push(value) {
    this.values.push(value ?? null);
    if (this.values.length > this.len) this.values.shift();
  }
}

/** A line over its last values; gaps where nothing was measured. */
export function spark(width = 120, height = 34, kind = "") {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "stroke" });
  const element = svg("svg", { class: "spark " + kind, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  element.draw = (series) => {
    const { values } = series;
    // A young line fills a part of the width, not a corner of it.
    const len = Math.min(series.len, Math.max(60, values.length));
    // From zero, so that a steady number is a steady line and not its noise.
    const max = Math.max(...values.map((v) => v ?? 0), 1e-12) * 1.08;
    const x = (i) => (width * (len - values.length + i)) / (len - 1);
    const y = (v) => height - 1.5 - (v / max) * (height - 4);
    let d = "", filled = "", from = null;
    values.forEach((v, i) => {
      if (v != null) { d += `${from == null ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`; from ??= i; }
      if (from != null && (v == null || i === values.length - 1)) {
        const last = v == null ? i - 1 : i;
        filled += `${d.slice(d.lastIndexOf("M"))}L${x(last).toFixed(1)} ${height}L${x(from).toFixed(1)} ${height}Z`;
        from = null;
      }
    });
    line.setAttribute("d", d);
    area.setAttribute("d", filled);
  };
  return element;
}

const STEPS = 4; // Rows an octave; the server counts so.

/** How long messages took, over time: a column a second, a row a quarter of an octave, darker for more of them. */
export function heat() {
  const canvas = h("canvas", { tabindex: 0, role: "img", "aria-label": "Heat map of times" });
  const ys = h("div.ys", { "aria-hidden": "true" });
  const xs = h("div.xs", { "aria-hidden": "true" });
  const read = h("p.read", { role: "status" });
  const element = h("div", null, h("div.plot", null, ys, canvas, xs), read);
  let columns = [], cursor = null, rows = [20, 40];

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const ramp = [0, 1, 2, 3, 4, 5].map((i) => style.getPropertyValue(`--heat-${i}`).trim());
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, width, height);
    rows = range(columns);
    const [low, high] = rows, tall = height / (high - low), wide = width / columns.length;
    columns.forEach((column, at) => {
      if (!column) return;
      const x = Math.floor(at * wide), w = Math.ceil((at + 1) * wide) - x;
      let most = 0;
      for (let i = 1; i < column.cells.length; i += 2) most = Math.max(most, column.cells[i]);
      for (let i = 0; i < column.cells.length; i += 2) {
        const part = column.cells[i + 1] / most;
        // By the square root, so that the few slow ones, which one looks for, show beside the many.
        ctx.fillStyle = ramp[Math.max(1, Math.ceil(Math.sqrt(part) * 5))];
        const rowsTall = column.tall ?? 1;
        const y = height - (column.cells[i] - low + rowsTall) * tall;
        ctx.fillRect(x, Math.floor(y), w, Math.ceil(tall * rowsTall));
      }
    });
    const mark = (part, dash) => {
      ctx.beginPath();
      let open = false;
      columns.forEach((column, at) => {
        const value = column && column[part];
        if (value == null) { open = false; return; }
        const y = height - (Math.log2(Math.max(value, 1e-9) * 1e9) * STEPS - low) * tall, x = (at + 0.5) * wide;
        if (open) ctx.lineTo(x, y); else ctx.moveTo(x, y);
        open = true;
      });
      ctx.setLineDash(dash);
      ctx.lineWidth = 1.75 * scale;
      ctx.strokeStyle = style.getPropertyValue("--orange").trim();
      ctx.stroke();
      ctx.setLineDash([]);
    };
    mark("p50", [scale * 2, scale * 3]);
    mark("p99", []);
    if (cursor != null) {
      ctx.fillStyle = style.getPropertyValue("--text").trim();
      ctx.globalAlpha = 0.5;
      ctx.fillRect(Math.round((cursor + 0.5) * wide), 0, Math.max(1, scale), height);
      ctx.globalAlpha = 1;
    }
    axis();
  }

  function axis() {
    const [low, high] = rows, marks = [];
    for (let ns = 1; ns < 1e12; ns *= 10) {
      const at = Math.log2(ns) * STEPS;
      if (at >= low && at <= high) marks.push([at, ns]);
    }
    if (marks.length < 2) marks.splice(0, marks.length, [low, 2 ** (low / STEPS)], [high, 2 ** (high / STEPS)]);
    ys.replaceChildren(...marks.map(([at, ns]) => {
      const span = h("span", null, plain(time(ns * 1e-9)).replace(/\.0+(?=\u202f)/, ""));
      const part = (at - low) / (high - low);
      span.style.bottom = `${Math.min(97, Math.max(3, part * 100))}%`;
      return span;
    }));
  }

  function tell() {
    const column = cursor == null ? null : columns[cursor];
    if (cursor == null) { text(read, ""); return; }
    if (!column) { text(read, "no messages were timed then"); return; }
    let all = column.count;
    if (all == null) all = column.cells.reduce((sum, n, i) => (i % 2 ? sum + n : sum), 0);
    text(read, `${clock(column.at)} · ${plain(count(all))} messages · p50 ${plain(time(column.p50))} · p99 ${plain(time(column.p99))}`);
  }

  const move = (to) => { cursor = to == null ? null : Math.min(columns.length - 1, Math.max(0, to)); draw(); tell(); };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    move(Math.floor(((event.clientX - box.left) / box.width) * columns.length));
  });
  canvas.addEventListener("pointerleave", () => move(null));
  canvas.addEventListener("blur", () => move(null));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
    if (!step) return;
    event.preventDefault();
    move((cursor ?? columns.length) + step);
  });
  new ResizeObserver(draw).observe(canvas);

  element.show = (next, label, step) => {
    columns = next;
    canvas.setAttribute("aria-label", label);
    const back = (part) => step > 1 ? clock(Date.now() - part * next.length * step * 1000).slice(0, 5) : `${ago(part * next.length)} ago`;
    const marks = [back(1), back(0.5), "now"];
    if (xs.textContent !== marks.join("")) xs.replaceChildren(...marks.map((mark) => h("span", null, mark)));
    draw();
    tell();
  };
  return element;
}

/** The rows that hold something, and a little room. */
function range(columns) {
  let low = Infinity, high = -Infinity;
  for (const column of columns) {
    if (!column) continue;
    for (let i = 0; i < column.cells.length; i += 2) {
      low = Math.min(low, column.cells[i]);
      high = Math.max(high, column.cells[i] + (column.tall ?? 1));
    }
  }
  if (low > high) return [40, 80];
  return high - low < 12 ? [low - Math.ceil((12 - high + low) / 2), high + Math.ceil((12 - high + low) / 2)] : [low - 1, high + 1];
}
