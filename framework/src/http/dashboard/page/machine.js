// The process and its container, and what the service can still take.

import { $, choice, either, h, list, metered, number, svg, table, text } from "./dom.js";
import { ago, bytes, count, percent, plain, rate, time } from "./format.js";

const AS = { count, rate, time, bytes, percent, cores: (x) => [x.toFixed(2), "cores"] };

/** Groups of named numbers: what could not be read is not among them. */
export function process(frame) {
  const panel = $("process"), body = panel.querySelector(".body");
  body.groups ??= h("div.groups");
  text(panel.querySelector("[data-note]"), frame.pid ? `pid ${frame.pid}` : "");
  if (!either(body, frame.process.length > 0, body.groups, "Nothing can be read of the process here, or its sampler is off.")) return;
  list(body.groups, frame.process, (group) => group.name, (group) =>
    h("div", null, h("h3.sub-title", null, group.name), h("dl")),
  (element, group) => {
    list(element.lastChild, group.facts, (fact) => fact.name, (fact) => h("div", { "data-fact": fact.key }, h("dt", null, fact.name), h("dd", null, h("span"), h("small"))),
      (pair, fact) => {
        const [value, note] = pair.lastChild.children;
        number(value, (AS[fact.as] ?? count)(fact.value));
        text(note, fact.note ?? "");
        note.hidden = !fact.note;
      });
  });
}

let ofTypes = null, types = [], load = 1; // The last of what each can do, and for which of the loads it is said how many it takes.
const LOADS = ["1", "2", "5", "10"]; // Those of the frame, in wrong.rs.
const scale = (width, max) => (v) => (max > 0 ? (v / max) * width : 0);

export function capacity(frame) {
  const panel = $("capacity"), body = panel.querySelector(".body"), is = frame.capacity;
  if (!body.view) {
    const says = h("p.says"), curve = svg("svg", { class: "curve", role: "img", preserveAspectRatio: "none" });
    ofTypes = table([
      { head: "Actor", cell: (th, of) => { th.label ??= th.appendChild(h("span.name")); text(th.label, of.label); } },
      { head: "Used", title: "Part of the time that the busiest of them runs", cell: (td, of) => metered(td, percent(of.used), of.used, of.used > 0.9 ? "bad" : of.used > 0.7 ? "warn" : "") },
      { head: "Rate", class: "mid", cell: (td, of) => number(td, rate(of.rate)) },
      { head: "Ends at", class: "mid", title: "Messages a second at which all that can work do, or its busiest shard does", cell: (td, of) => {
        number(td, rate(of.most));
        td.title = of.low == null ? "" : `${plain(rate(of.low))} to ${plain(rate(of.high))}`;
      } },
      { head: "Could take", title: "Times the load of now", cell: (td, of) => number(td, of.headroom == null ? ["–", ""] : [`${of.headroom >= 100 ? ">100" : of.headroom.toFixed(1)}`, "×"]) },
      { head: "Needed", title: "Actors for the chosen load, each of them at work for 70 % of its time; none: no number of them can do it here", cell: (td, of) => {
        td.dataset.needs = of.needs?.join(" ") ?? "";
        number(td, of.needs == null ? ["–", ""] : of.needs[load] == null ? ["none", ""] : count(of.needs[load]));
      } },
    ], { key: (of) => of.label, row: (tr, of) => { tr.classList.toggle("sub", Boolean(of.sub)); } });
    const loads = h("span.choice", { role: "radiogroup", "aria-label": "Times the load of now" });
    choice(loads, LOADS.map((times) => [times, times + "\u202f×"]), LOADS[load], (times) => { load = LOADS.indexOf(times); ofTypes.fill(types); });
    body.loads = h("p.loads.soft", null, "Actors needed for ", loads, " the load of now");
    body.view = h("div", null, says, curve, body.loads, ofTypes.element);
    body.says = says;
    body.curve = curve;
    body.tuning = h("div", null, h("h3.sub-title", null, "Tuning"), h("div", { role: "list" }));
    body.view.append(body.tuning);
  }
  if (!either(body, is != null, body.view, "Capacity is not estimated: it is off, or there has been no load yet.")) return;
  text(body.says, is.says ?? "");
  body.says.hidden = !is.says;
  body.curve.style.display = is.fit ? "" : "none";
  text(panel.querySelector("[data-note]"), is.fit ? `${is.fit.label}: messages a second by how many are at work` : "");
  if (is.fit) draw(body.curve, is.fit);
  types = is.types ?? [];
  body.loads.hidden = !types.some((of) => of.needs);
  ofTypes.fill(types);
  body.tuning.hidden = !is.tuning?.length;
  list(body.tuning.lastChild, is.tuning ?? [], (d) => d.at + d.text, () => h("p.soft", { role: "listitem" }), (element, d) => text(element, `${ago(d.ago)} ago: ${d.text}`));
}

const seen = []; // What the load was, second by second, while the page was open.

/** Throughput by how many are at work: what was seen, the fitted law, where it ends and how sure that is. */
function draw(host, fit) {
  if (seen.of !== fit.label) { seen.length = 0; seen.of = fit.label; }
  if (fit.now[0] > 0) seen.push(fit.now);
  if (seen.length > 240) seen.shift();
  const width = Math.max(280, host.clientWidth || 560), height = 210, left = 52, right = 14, bottom = 26, top = 12;
  host.setAttribute("viewBox", `0 0 ${width} ${height}`);
  host.setAttribute("aria-label", `Messages a second of ${fit.label} by how many of them are at work`);
  const most = Math.max(...fit.line.map((p) => p[1]), ...seen.map((p) => p[1]), fit.peak?.[3] ?? 0) * 1.06;
  const far = Math.max(...fit.line.map((p) => p[0]), ...seen.map((p) => p[0]), 1);
  const sx = scale(width - left - right, far), sy = scale(height - bottom - top, most);
  const x = (v) => (left + sx(v)).toFixed(1), y = (v) => (height - bottom - sy(v)).toFixed(1);
  const label = (a, b, said, anchor) => { const t = svg("text", { x: a, y: b, "text-anchor": anchor }); t.textContent = said; return t; };
  const parts = [0.25, 0.5, 0.75, 1].map((part) => svg("line", { class: "axis", x1: left, x2: width - right, y1: y((most / 1.06) * part), y2: y((most / 1.06) * part) }));
  parts.push(svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  parts.push(svg("path", { class: "fit", d: fit.line.map(([a, b], i) => `${i ? "L" : "M"}${x(a)} ${y(b)}`).join("") }));
  for (const [n, r] of seen) parts.push(svg("circle", { class: "seen", cx: x(n), cy: y(r), r: 3 }));
  if (fit.peak) {
    const [n, value, low, high] = fit.peak;
    parts.push(svg("line", { class: "peak", x1: x(n), x2: x(n), y1: y(low), y2: y(high) }),
      ...[low, high].map((v) => svg("line", { class: "peak", x1: x(n) - 5, x2: Number(x(n)) + 5, y1: y(v), y2: y(v) })),
      svg("circle", { class: "end", cx: x(n), cy: y(value), r: 4 }));
  }
  parts.push(label(left - 8, Number(y(most / 1.06)) + 4, plain(rate(most / 1.06)), "end"), label(left - 8, height - bottom + 4, "0", "end"),
    label(width - right, height - 8, `${plain(count(far))} at work`, "end"), label(left, height - 8, "0", "middle"));
  host.replaceChildren(...parts);
}
