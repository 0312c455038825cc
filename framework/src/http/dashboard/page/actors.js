// The actors that stand out, the tree they hang in, and the shards by load.

import { $, attribute, choice, either, h, list, metered, number, table, text } from "./dom.js";
import { count, many, percent, plain, rate } from "./format.js";

const BY = [["mailbox", "Mailbox"], ["rate", "Rate"], ["time", "Time"], ["restarts", "Restarts"]];
let by = "mailbox", top = null, last = null;

export function actors(frame) {
  last = frame;
  const panel = $("actors"), body = panel.querySelector(".body");
  if (!top) {
    choice(panel.querySelector(".choice"), BY, by, (value) => { by = value; fill(); });
    top = table([
      { head: "Actor", cell: (th, a) => {
        th.dot ??= th.appendChild(h("i.state"));
        th.label ??= th.appendChild(h("span.name"));
        state(th.dot, a.state);
        th.dot.style.display = "inline-block";
        th.dot.style.marginRight = "8px";
        text(th.label, a.label);
        th.label.title = `${a.label}: ${a.state}`;
      } },
      { head: "Mailbox", cell: (td, a) => metered(td, count(a.mailbox), a.mailbox_part ?? part(a, "mailbox"), a.mailbox_part > 0.8 ? "bad" : a.mailbox_part > 0.5 ? "warn" : "") },
      { head: "Most", class: "mid", title: "The longest that its mailbox was", cell: (td, a) => number(td, count(a.mailbox_high)) },
      { head: "Rate", cell: (td, a) => metered(td, rate(a.rate), part(a, "rate")) },
      { head: "Time", class: "mid", title: "Part of the time that it was running", cell: (td, a) => metered(td, percent(a.busy), a.busy, a.busy > 0.9 ? "bad" : a.busy > 0.7 ? "warn" : "") },
      { head: "Panics", class: "lo", title: "Messages that it panicked over", cell: (td, a) => { number(td, count(a.failed)); td.classList.toggle("is-red", a.failed > 0); } },
      { head: "Restarts", cell: (td, a) => { number(td, count(a.restarts)); td.classList.toggle("is-red", a.restarts > 0); } },
    ], { key: (a) => a.id, tall: "Top actors", row: (tr, a) => { tr.dataset.actor = a.label; } });
  }
  either(body, frame.actors.length > 0, top.element, "No actor is running.");
  fill();
}

const part = (a, what) => {
  const most = Math.max(...last.actors.map((other) => other[what] ?? 0));
  return most > 0 ? (a[what] ?? 0) / most : 0;
};

function fill() {
  const known = new Map(last.actors.map((a) => [a.id, a]));
  top.fill(last.top[by].map((id) => known.get(id)).filter(Boolean));
}

const well = (state) => ["running", "suspended", "group", "starting"].includes(state);

function state(dot, name) {
  const wanted = `state ${name}`;
  if (dot.className !== wanted) dot.className = wanted;
  attribute(dot, "title", name);
}

// The tree. What was folded and unfolded is kept by node; the first two levels begin unfolded.
const unfolded = new Map();
let rows = [];

export function tree(frame) {
  const panel = $("tree"), body = panel.querySelector(".body");
  body.tree ??= body.appendChild(h("div.tree", { role: "tree", "aria-label": "Supervision tree", onkeydown: (event) => keys(event, () => tree(frameOf(body))), onclick: (event) => click(event, () => tree(frameOf(body))) }));
  body.frame = frame;
  text(panel.querySelector("[data-note]"), many(frame.total.actors, "actor"));
  rows = [];
  const walk = (node, depth, parent, at, of) => {
    const folds = Boolean(node.children?.length);
    // A supervisor of a few is shown with them.
    const few = node.state !== "group" && depth < 3 && node.children?.length <= 6;
    const open = folds && (unfolded.get(node.id) ?? (depth < 1 || few));
    rows.push({ node, depth, folds, open, parent, at, of });
    if (open) {
      node.children.forEach((child, i) => walk(child, depth + 1, node.id, i + 1, node.children.length));
      if (node.more) rows.push({ node: { id: node.id + "+", label: `and ${plain(count(node.more))} more, with shorter mailboxes`, state: null }, depth: depth + 1, parent: node.id, at: 0, of: 0 });
    }
  };
  frame.tree.forEach((node, i) => walk(node, 0, null, i + 1, frame.tree.length));
  const held = body.tree.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const tabbed = rows.some((row) => row.node.id === body.tabbed) ? body.tabbed : rows[0]?.node.id;
  list(body.tree, rows, (row) => row.node.id, () =>
    h("div.row", { role: "treeitem" }, h("span.fold", { "aria-hidden": "true" }), h("i.state"), h("span.label"), h("span.right", null, h("span.is-red"), h("span"), h("span"))),
  (element, { node, depth, folds, open, at, of }) => {
    const [fold, dot, label, right] = element.children;
    element.dataset.id = node.id;
    element.style.setProperty("--depth", depth);
    element.tabIndex = node.id === tabbed ? 0 : -1;
    attribute(element, "aria-level", depth + 1);
    attribute(element, "aria-posinset", at || null);
    attribute(element, "aria-setsize", of || null);
    attribute(element, "aria-expanded", folds ? String(open) : null);
    text(fold, folds ? "▶" : "");
    dot.hidden = node.state == null;
    state(dot, node.state);
    text(label, node.label);
    label.title = node.panic ? `${node.label}\nlast panic: ${node.panic}` : node.label;
    const [restarts, waiting, pace] = right.children;
    text(restarts, node.restarts ? `${many(node.restarts, "restart")}` : "");
    text(waiting, node.mailbox ? `${plain(count(node.mailbox))} waiting` : node.state && !well(node.state) ? node.state : "");
    text(pace, node.rate ? plain(rate(node.rate)) : "");
  });
  body.tabbed = tabbed;
  if (held && document.activeElement?.dataset?.id !== held) body.tree.querySelector(`[data-id="${CSS.escape(held)}"]`)?.focus();
}

const frameOf = (body) => body.frame;

function fold(id, open, redraw) {
  unfolded.set(id, open);
  redraw();
}

function focus(id) {
  const body = $("tree").querySelector(".body");
  for (const row of body.tree.children) row.tabIndex = row.dataset.id === id ? 0 : -1;
  body.tabbed = id;
  body.tree.querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
}

function click(event, redraw) {
  const element = event.target.closest(".row");
  const row = rows.find((other) => other.node.id === element?.dataset.id);
  if (!row) return;
  focus(row.node.id);
  if (row.folds) fold(row.node.id, !row.open, redraw);
}

// As https://www.w3.org/WAI/ARIA/apg/patterns/treeview/ has it.
function keys(event, redraw) {
  const at = rows.findIndex((row) => row.node.id === document.activeElement.dataset.id);
  const row = rows[at];
  if (!row) return;
  const go = (to) => rows[to] && focus(rows[to].node.id);
  switch (event.key) {
    case "ArrowDown": go(at + 1); break;
    case "ArrowUp": go(at - 1); break;
    case "Home": go(0); break;
    case "End": go(rows.length - 1); break;
    case "ArrowRight": if (row.folds && !row.open) fold(row.node.id, true, redraw); else if (row.open) go(at + 1); break;
    case "ArrowLeft": if (row.open) fold(row.node.id, false, redraw); else if (row.parent != null) focus(row.parent); break;
    case "Enter": case " ": if (row.folds) fold(row.node.id, !row.open, redraw); break;
    default: return;
  }
  event.preventDefault();
  event.stopPropagation();
}

// Shards: darker for more load, compared with the other shards of the same actor.
export function shards(frame) {
  const body = $("shards").querySelector(".body");
  body.grids ??= h("div");
  if (!either(body, frame.shards.length > 0, body.grids, "No actor is sharded: system.shards::<A>(n, args).")) return;
  list(body.grids, frame.shards, (of) => of.a, (of) => {
    const element = h("div.grid-of", null, h("h3"), h("div.cells", { role: "list", "aria-label": `Shards of ${of.a}` }));
    element.addEventListener("keydown", (event) => across(event, element.lastChild));
    return element;
  }, (element, of) => {
    const [head, cells] = element.children;
    const said = `${of.a}|${of.cells.length} shards · ${plain(rate(of.rate))} · busiest ${plain(percent(of.busiest_part))} of the load`;
    if (head.dataset.said !== said) {
      head.dataset.said = said;
      const [owner, rest] = said.split("|");
      head.replaceChildren(owner, h("span", null, rest));
    }
    // The middle of the scale is the mean: even load is even, and what has twice as much stands out.
    const mean = of.cells.reduce((sum, cell) => sum + cell.load, 0) / of.cells.length;
    list(cells, of.cells, (cell) => cell.n, () => h("div.cell", { role: "listitem", tabindex: -1, "data-tip": "" }, h("b"), h("span")), (element, cell) => {
      const level = cell.load > 0 ? Math.min(5, Math.max(1, Math.round((cell.load / mean) * 2.5))) : 0;
      const wanted = `cell on-${level}${cell.hot ? " hot" : ""}${well(cell.state) ? "" : " down"}`;
      if (element.className !== wanted) element.className = wanted;
      text(element.firstChild, String(cell.n));
      text(element.lastChild, rate(cell.rate)[0] + rate(cell.rate)[1].replace("/s", ""));
      const tip = `${of.a}#${cell.n}${cell.hot ? ", hot" : ""}: ${cell.state}\n${plain(rate(cell.rate))}, busy ${plain(percent(cell.busy))}\n${plain(count(cell.mailbox))} waiting, ${plain(count(cell.restarts))} restarts`;
      if (element.dataset.tip !== tip) { element.dataset.tip = tip; element.setAttribute("aria-label", tip); }
    });
    if (cells.firstChild && ![...cells.children].some((cell) => cell.tabIndex === 0)) cells.firstChild.tabIndex = 0;
  });
}

/** Arrow keys walk over cells; only one of them is in the order of tabs. */
function across(event, cells) {
  const all = [...cells.children], at = all.indexOf(document.activeElement);
  if (at < 0) return;
  const wide = all.filter((cell) => cell.offsetTop === all[0].offsetTop).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide }[event.key];
  const next = step && all[at + step];
  if (!next) return;
  event.preventDefault();
  all[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
