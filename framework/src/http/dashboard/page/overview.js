// What one looks at first: a row of numbers with their last minutes, what is wrong, and what panicked.

import { $, either, h, list, prose, text } from "./dom.js";
import { ago, bytes, count, many, percent, plain, rate, time } from "./format.js";
import { Series, spark } from "./charts.js";

export const HISTORY = 300; // Seconds that sparklines show.

const errors = (f) => f.total.failed_rate == null ? null : f.total.failed_rate + (f.total.refused_rate ?? 0);

const spread = (t) => t && ["mean", "p50", "p90", "p99", "p999", "max"].map((q) => `${q.replace("p999", "p99.9")}: ${plain(time(t[q]))}`).join("\n");

const TILES = [
  { id: "rate", head: "Messages", value: (f) => rate(f.total.rate), raw: (f) => f.total.rate,
    sub: (f) => `${plain(count(f.total.handled))} since the start` },
  { id: "errors", head: "Errors", kind: "bad", value: (f) => rate(errors(f)), raw: errors,
    sub: (f) => `${plain(percent(f.total.error_part))} of all, ${plain(count(f.total.failed))} panicked`, bad: (f) => f.total.failed_rate > 0 },
  { id: "run", head: "Handling time, p99", value: (f) => time(f.total.run?.p99), raw: (f) => f.total.run?.p99,
    more: (f) => spread(f.total.run), sub: (f) => f.total.run ? `mean ${plain(time(f.total.run.mean))}\np50 ${plain(time(f.total.run.p50))}` : "not timed" },
  { id: "wait", head: "Waiting time, p99", kind: "wait", value: (f) => time(f.total.wait?.p99), raw: (f) => f.total.wait?.p99,
    more: (f) => spread(f.total.wait), sub: (f) => f.total.wait ? `mean ${plain(time(f.total.wait.mean))}\np50 ${plain(time(f.total.wait.p50))}` : "not timed" },
  { id: "mailboxes", head: "In mailboxes", kind: "wait", value: (f) => count(f.total.mailbox), raw: (f) => f.total.mailbox,
    sub: (f) => `of ${many(f.total.actors, "actor")}` },
  { id: "restarts", head: "Restarts", kind: "bad", value: (f) => count(f.total.restarts), raw: (f) => f.total.restart_rate,
    sub: (f) => `${many(f.total.dead_letters, "dead letter")}` },
  { id: "cpu", head: "Processor", value: (f) => f.cpu == null ? ["–", ""] : [f.cpu.toFixed(2), f.cores ? `of ${f.cores} cores` : "cores"], raw: (f) => f.cpu,
    sub: () => "user and system time" },
  { id: "memory", head: "Memory", value: (f) => bytes(f.memory), raw: (f) => f.memory,
    sub: (f) => f.memory_max ? `of ${plain(bytes(f.memory_max))}` : "resident" },
];

const series = Object.fromEntries(TILES.map((tile) => [tile.id, new Series(HISTORY)]));

let past = null;

/** Fills the sparklines with what was before: of the last minutes, or of a longer time in coarser steps. */
export function seed(lines, step, len) {
  past = null;
  if (step > 1) past = {};
  for (const tile of TILES) {
    const into = step > 1 ? (past[tile.id] = new Series(len)) : series[tile.id];
    into.values = (lines?.[tile.id] ?? []).slice(-into.len);
  }
}

export function overview(frame) {
  list($("overview"), TILES, (tile) => tile.id, (tile) => {
    const line = spark(240, 34, tile.kind);
    const element = h("div.tile", { "data-tile": tile.id }, h("h3", null, tile.head), h("p.value"), h("p.sub"), line);
    element.line = line;
    return element;
  }, (element, tile) => {
    const [, value, sub] = element.children;
    const [figure, unit] = tile.value(frame);
    if (value.dataset.said !== figure + unit) {
      value.dataset.said = figure + unit;
      value.replaceChildren(figure, h("small", null, unit));
    }
    text(sub, tile.sub(frame));
    sub.title = tile.more?.(frame) ?? sub.textContent;
    element.classList.toggle("is-bad", Boolean(tile.bad?.(frame)));
    series[tile.id].push(tile.raw(frame));
    element.line.draw((past ?? series)[tile.id]);
  });
}

const SIGN = { bad: "✕", warn: "!", info: "i" };
const LEVEL = { bad: "Something does not work", warn: "Something is slow, or will fail", info: "Something is in vain" };
const said = (kind) => kind[0].toUpperCase() + kind.slice(1).replaceAll("_", " ");

export function findings(frame) {
  const panel = $("findings"), body = panel.querySelector(".body"), note = panel.querySelector("[data-note]");
  const found = frame.findings;
  body.found ??= body.appendChild(h("div", { role: "list" }));
  body.calm ??= body.appendChild(h("p.calm"));
  body.calm.hidden = found.length > 0;
  text(body.calm, "Nothing is wrong that the monitor knows to look for.");
  text(note, found.length ? `${found.length} open` : "");
  list(body.found, found, (f) => f.kind + f.subject, (f) =>
    h(`article.finding.${f.level}`, { role: "listitem", "data-kind": f.kind },
      h("span.sign", { title: LEVEL[f.level] }, SIGN[f.level] ?? "!"), h("h3", null, said(f.kind) + " ", h("code", null, f.subject)), h("p.since"), h("p.evidence"), h("p.advice")),
  (element, f) => {
    const [, , since, evidence, advice] = element.children;
    text(since, ago(f.since));
    since.title = "For so long";
    text(evidence, f.summary);
    evidence.title = f.evidence.map((e) => `${e.name}: ${e.value}\u202f${e.unit}`).join("\n");
    prose(advice, f.advice);
  });
  return found.length;
}

export function failures(frame) {
  const panel = $("failures"), body = panel.querySelector(".body");
  body.list ??= h("div", { role: "list" });
  text(panel.querySelector("[data-note]"), frame.panics.length ? `${many(frame.total.failed, "message")} panicked over` : "");
  if (!either(body, frame.panics.length > 0, body.list, "No handler has panicked.")) return;
  list(body.list, frame.panics.slice(0, 5), (p) => p.actor + p.at, () =>
    h("div.panic", { role: "listitem" }, h("p.who", null, h("b"), h("span.faint")), h("p.text")),
  (element, p) => {
    const [who, said] = element.children;
    text(who.firstChild, p.actor);
    text(who.lastChild, `${ago(p.ago)} ago`);
    text(said, p.text);
    said.title = p.text;
  });
}
