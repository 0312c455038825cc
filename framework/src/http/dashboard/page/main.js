// The page: one stream of numbers a second while it is open and in sight, and nothing when it is not.

import { $, attribute, choice, h, text } from "./dom.js";
import { ago } from "./format.js";
import * as top from "./overview.js";
import * as table from "./handlers.js";
import { actors, shards, tree } from "./actors.js";
import { batches, caches, pools } from "./stores.js";
import { capacity, process } from "./machine.js";

const PANELS = [
  ["overview", "Overview"], ["findings", "Findings"], ["handlers", "Handlers"], ["actors", "Actors"], ["tree", "Tree"], ["shards", "Shards"],
  ["capacity", "Capacity"], ["batches", "Batches"], ["caches", "Caches"], ["pools", "Pools"], ["process", "Process"],
];
const DRAW = { overview: top.overview, failures: top.failures, handlers: table.handlers, actors, tree, shards, capacity, batches, caches, pools, process };

let source = null, isPaused = false, lastAt = 0, frame = null;

function show(next) {
  frame = next;
  lastAt = performance.now();
  document.body.classList.remove("is-stale");
  text($("system"), frame.system);
  document.title = `${frame.findings.length ? `(${frame.findings.length}) ` : ""}${frame.system} · Ostraca`;
  text($("uptime"), `up ${ago(frame.up)}`);
  text($("version"), `ostraca ${frame.version}`);
  const ready = $("ready");
  ready.hidden = false;
  ready.className = `badge ${frame.ready ? "good" : "bad"}`;
  text(ready, frame.ready ? "ready" : "not ready");
  const reasons = [...frame.not_ready, ...frame.without.map((tier) => `without its cache tier ${tier}`)];
  const banner = $("banner");
  banner.hidden = reasons.length === 0;
  text(banner, reasons.length ? `${frame.ready ? "Ready" : "Not ready"}: ${reasons.join("; ")}.` : "");
  badge("findings", top.findings(frame));
  for (const draw of Object.values(DRAW)) draw(frame);
  live("is-live", "live");
}

function badge(id, n) {
  const link = document.querySelector(`.jump a[href="#${id}"]`);
  link.badge ??= link.appendChild(h("span.count"));
  link.badge.hidden = n === 0;
  text(link.badge, String(n));
}

function live(kind, said) {
  const button = $("live");
  button.className = `live ${kind}`;
  attribute(button, "aria-pressed", String(!isPaused));
  text($("live-text"), said);
  document.body.classList.toggle("is-paused", isPaused);
}

// The stream exists while the page is open, in sight and not paused.

function open() {
  if (source || isPaused || document.hidden) return;
  live("", "connecting");
  source = new EventSource("_ostraca/events");
  source.addEventListener("frame", (event) => show(JSON.parse(event.data)));
  source.addEventListener("end", () => { close(); live("is-lost", "stopped"); again(); });
  source.onerror = () => {
    live("is-lost", "lost");
    document.body.classList.add("is-stale");
    // The browser tries again by itself, unless it was turned away.
    if (source.readyState === EventSource.CLOSED) { close(); again(); }
  };
}

function close() {
  source?.close();
  source = null;
}

let waiting = null;
function again() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const answer = await fetch("_ostraca/snapshot", { headers: { accept: "application/json" } }).catch(() => null);
    if (answer?.status === 401) location.reload();
    else if (answer?.ok) await start();
    else again();
  }, 2000);
}

// Over how long lines and the heat map go: what the page sees itself, or the monitor's history in coarser steps.
const SPANS = { "1": { step: 1, len: 300, said: "five minutes" }, "10": { step: 10, len: 720, said: "two hours" }, "60": { step: 60, len: 1440, said: "day" } };
let span = SPANS["1"];

let pastAt = 0;

async function past() {
  pastAt = performance.now();
  const { step, len } = span;
  const answer = await fetch(`_ostraca/history?step=${step}`).catch(() => null);
  if (!answer?.ok || step !== span.step) return;
  const history = await answer.json();
  top.seed(history.service, step, len);
  if (step === 1) table.seed(history.handlers);
  table.span(span);
}

choice($("span"), [["1", "5 min"], ["10", "2 h"], ["60", "24 h"]], "1", (step) => { span = SPANS[step]; past(); });

async function start() {
  await past();
  open();
}

function pause() {
  isPaused = !isPaused;
  if (isPaused) { close(); live("is-off", "paused"); } else start();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else if (!isPaused) start();
});

// Colours: as the system says, or as chosen.

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };
const dark = matchMedia("(prefers-color-scheme: dark)");
let theme = localStorage.getItem("ostraca-theme") ?? "auto";

function paint() {
  document.documentElement.dataset.theme = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  text($("theme-text"), THEMES[theme] ?? "Auto");
  if (frame) table.repaint();
}

function nextTheme() {
  const all = Object.keys(THEMES);
  theme = all[(all.indexOf(theme) + 1) % all.length];
  localStorage.setItem("ostraca-theme", theme);
  paint();
}

dark.addEventListener("change", paint);
$("theme").addEventListener("click", nextTheme);
$("live").addEventListener("click", pause);

// The row of panels follows what is in sight.

for (const [id, said] of PANELS) $("jump").append(h("li", null, h("a", { href: `#${id}` }, said)));
const inSight = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) inSight.set(entry.target.id, entry.isIntersecting ? entry.intersectionRatio : 0);
  const now = PANELS.find(([id]) => inSight.get(id) > 0.15)?.[0] ?? PANELS.find(([id]) => inSight.get(id) > 0)?.[0];
  for (const link of document.querySelectorAll(".jump a")) attribute(link, "aria-current", link.hash === `#${now}` ? "true" : null);
}, { rootMargin: "-100px 0px 0px 0px", threshold: [0, 0.15, 0.5, 1] });
for (const [id] of PANELS) watcher.observe($(id));

// Keys, where one is not writing.

function step(by) {
  const now = PANELS.findIndex(([id]) => document.querySelector(`.jump a[href="#${id}"]`).hasAttribute("aria-current"));
  const [id] = PANELS[Math.min(PANELS.length - 1, Math.max(0, now + by))];
  const panel = $(id);
  panel.tabIndex = -1;
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "start" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
  const act = { p: pause, t: nextTheme, j: () => step(1), k: () => step(-1) }[event.key];
  if (act) { act(); event.preventDefault(); }
});

// What is told of the cells of the grid, for the mouse and for the keyboard.

const tip = $("tip");
function tell(element) {
  tip.hidden = !element;
  if (!element) return;
  text(tip, element.dataset.tip);
  const box = element.getBoundingClientRect();
  tip.style.left = `${Math.min(box.left, innerWidth - tip.offsetWidth - 12)}px`;
  tip.style.top = `${box.bottom + 6 + tip.offsetHeight > innerHeight ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
}
document.addEventListener("pointerover", (event) => tell(event.target.closest?.("[data-tip]")));
document.addEventListener("focusin", (event) => tell(event.target.closest?.("[data-tip]")));
document.addEventListener("focusout", () => tell(null));
document.addEventListener("keydown", (event) => { if (event.key === "Escape") tell(null); });

// A number that is old looks old.
setInterval(() => {
  if (source && span.step > 1 && performance.now() - pastAt > span.step * 1000) past();
  if (frame && !isPaused && performance.now() - lastAt > 3500 * (frame.every ?? 1)) document.body.classList.add("is-stale");
}, 1000);

paint();
start();
