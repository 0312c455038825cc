// Each handler's rate, failures and times, and a heat map of the one that was chosen.

import { $, attribute, choice, either, h, name, number, table, text } from "./dom.js";
import { count, percent, plain, rate, time } from "./format.js";
import { Series, heat, spark } from "./charts.js";

const LIVE = { step: 1, len: 300, said: "five minutes" }; // What the page sees itself.
const lines = new Map(); // A sparkline's numbers by handler.
const columns = new Map(); // The heat map's by handler, each `{run, wait}`.
const maps = new Map(); // The heat map's over a longer time, as they were asked for.
const fetched = new Set();
let chosen = null, which = "run", view = null, time_ = LIVE;

const id = (of) => `${of.a}.${of.m}`;

export function handlers(frame) {
  const panel = $("handlers"), body = panel.querySelector(".body");
  if (!view) view = build(body);
  for (const of of frame.handlers) remember(of, frame.at);
  const some = frame.handlers.length > 0;
  either(body, some, view.table.element, "No message has been handled yet.");
  view.side.hidden = !some;
  if (!some) return;
  text(panel.querySelector("[data-note]"), `${frame.handlers.length} handlers, most to do first`);
  if (!frame.handlers.some((of) => id(of) === chosen)) chosen = id(frame.handlers[0]);
  view.table.fill(frame.handlers);
  load();
  if (time_.step === 1) show();
}

/** Each handler's rate before the page was opened. */
export function seed(rates) {
  for (const [key, values] of Object.entries(rates ?? {})) {
    const line = new Series(120);
    line.values = values.slice(-120);
    lines.set(key, line);
  }
  fetched.clear();
}

/** The heat map over another time: `step` seconds a column. */
export function span(next) {
  time_ = next;
  maps.clear();
  fetched.clear();
  if (view) load();
}

function remember(of, at) {
  const key = id(of);
  if (!lines.has(key)) lines.set(key, new Series(120));
  lines.get(key).push(of.rate);
  if (!columns.has(key)) columns.set(key, { run: [], wait: [] });
  for (const kind of ["run", "wait"]) {
    const all = columns.get(key)[kind], cells = of.heat?.[kind];
    all.push(cells?.length ? { at, cells, p50: of[kind]?.p50, p99: of[kind]?.p99 } : null);
    if (all.length > LIVE.len) all.shift();
  }
}

/** Asks for what the page has not seen itself of the handler that was chosen. */
async function load() {
  const key = chosen, step = time_.step;
  if (!key || fetched.has(key)) return;
  fetched.add(key);
  const answer = await fetch(`_ostraca/history?step=${step}&of=${encodeURIComponent(key)}`).catch(() => null);
  if (!answer?.ok || step !== time_.step) return;
  const past = await answer.json();
  if (step > 1) maps.set(key, past);
  else {
    const live = columns.get(key) ?? { run: [], wait: [] };
    for (const kind of ["run", "wait"]) {
      const older = past[kind].slice(0, Math.max(0, past[kind].length - live[kind].length));
      live[kind] = [...older, ...live[kind]].slice(-LIVE.len);
    }
    columns.set(key, live);
  }
  show();
}

/** The heat map has its colours from the page's. */
export function repaint() {
  if (view && chosen) show();
}

function show() {
  const { step, len, said } = time_;
  const all = (step > 1 ? maps : columns).get(chosen)?.[which] ?? [];
  // A young one fills a part of the width, not a corner of it.
  const wide = step > 1 ? len : Math.min(len, Math.max(60, all.length));
  const padded = all.length < wide ? [...Array(wide - all.length).fill(null), ...all] : all.slice(-wide);
  text(view.title, chosen);
  view.heat.show(padded, `${which === "run" ? "Handling" : "Waiting"} time of ${chosen} over the last ${said}`, step);
}

function build(body) {
  const view = { heat: heat(), title: h("h3") };
  view.table = table([
    { head: "Handler", cell: (th, of) => {
      th.pick ??= th.appendChild(h("button.pick.name", { type: "button" }));
      th.pick.onclick = () => choose(id(of));
      name(th.pick, of.a, of.m);
    } },
    { head: "Rate", cell: (td, of) => {
      td.line ??= td.appendChild(spark(64, 18));
      td.value ??= td.appendChild(h("span.fixed"));
      number(td.value, rate(of.rate));
      td.line.draw(lines.get(id(of)));
    } },
    { head: "Errors", title: "Part of the messages of the last seconds that were refused or panicked over", cell: (td, of) => {
      number(td, percent(of.error_part));
      td.title = `${plain(count(of.refused))} refused, ${plain(count(of.failed))} panicked over, of ${plain(count(of.handled + of.failed))} messages`;
      td.dataset.all = `${of.handled} ${of.refused} ${of.failed}`;
      td.classList.toggle("is-red", of.error_part > 0);
    } },
    { head: "Mean", class: "lo", title: "Handling time", cell: (td, of) => number(td, time(of.run?.mean)) },
    { head: "p50", class: "mid", title: "Handling time", cell: (td, of) => number(td, time(of.run?.p50)) },
    { head: "p99", title: "Handling time", cell: (td, of) => number(td, time(of.run?.p99)) },
    { head: "p99.9", class: "lo", title: "Handling time", cell: (td, of) => number(td, time(of.run?.p999)) },
    { head: "Wait p99", class: "mid", title: "Time in the mailbox", cell: (td, of) => number(td, time(of.wait?.p99)) },
    { head: "At work", class: "mid", title: "How many of its messages are being handled, on average; awaits included", cell: (td, of) => number(td, of.work == null ? ["–", ""] : [of.work < 0.01 && of.work > 0 ? "<0.01" : of.work.toFixed(2), ""]) },
  ], { key: id, tall: "Handlers", row: (tr, of) => {
    tr.classList.toggle("is-chosen", id(of) === chosen);
    tr.dataset.handler = id(of);
    attribute(tr.querySelector(".pick"), "aria-pressed", id(of) === chosen);
  } });
  const kinds = h("div.choice", { role: "radiogroup", "aria-label": "Which time" });
  choice(kinds, [["run", "Handling"], ["wait", "Waiting"]], which, (value) => { which = value; show(); });
  const legend = h("p.legend", null, h("span", null, "few "), h("span.ramp"), h("span", null, "many"),
    h("span", null, h("i.p50"), "p50"), h("span", null, h("i"), "p99"));
  view.side = h("div.heat", null, h("header", null, view.title, kinds), view.heat, legend);
  body.append(view.table.element, view.side);
  const choose = (key) => {
    chosen = key;
    for (const tr of view.table.element.querySelectorAll("tbody tr")) {
      tr.classList.toggle("is-chosen", tr.dataset.handler === key);
      attribute(tr.querySelector(".pick"), "aria-pressed", tr.dataset.handler === key);
    }
    show();
    load();
  };
  return view;
}
