// Batches, caches with their tiers, and pools.

import { $, either, h, list, metered, name, number, table, text } from "./dom.js";
import { bytes, count, percent, plain, rate, time } from "./format.js";

// In the order of the server's `closed`.
const WHY = ["full", "least length", "bytes", "waited", "deadline", "other message", "mailbox empty", "stop"];
let ofBatches = null, ofCaches = null, ofPools = null;

export function batches(frame) {
  const body = $("batches").querySelector(".body");
  ofBatches ??= table([
    { head: "Handler", cell: (th, of) => { th.label ??= th.appendChild(h("span.name")); name(th.label, of.a, of.m); } },
    { head: "Batches", cell: (td, of) => number(td, rate(of.rate)) },
    { head: "Length", title: "Mean messages a batch", cell: (td, of) => number(td, of.len == null ? ["–", ""] : [of.len.toFixed(1), ""]) },
    { head: "p99", class: "lo", title: "Messages a batch", cell: (td, of) => number(td, count(of.len_p99)) },
    { head: "Run p50", class: "mid", title: "How long a call takes", cell: (td, of) => number(td, time(of.run_p50)) },
    { head: "Failed", class: "lo", title: "Calls that returned an error", cell: (td, of) => { number(td, count(of.failures)); td.classList.toggle("is-red", of.failures > 0); } },
    { head: "Closed by", cell: (td, of) => {
      td.parts ??= td.appendChild(h("div.parts", { role: "img" }));
      const all = of.closed.reduce((a, b) => a + b, 0);
      list(td.parts, WHY.map((why, i) => ({ i, part: all ? of.closed[i] / all : 0 })).filter((p) => p.part > 0), (p) => p.i,
        (p) => h(`i.c${p.i}`), (bar, p) => { bar.style.width = `${(p.part * 100).toFixed(2)}%`; });
      const said = WHY.map((why, i) => [why, of.closed[i]]).filter(([, n]) => n > 0).map(([why, n]) => `${why} ${plain(percent(n / all))}`).join(", ");
      td.parts.setAttribute("aria-label", said);
      td.parts.title = said;
    } },
  ], { key: (of) => `${of.a}.${of.m}` });
  body.key ??= h("p.key");
  const some = either(body, frame.batches.length > 0, ofBatches.element, "No batched handler has had a batch: #[handler(batch(len_max = 256))].");
  if (body.key.parentNode !== body) body.append(body.key);
  body.key.hidden = !some;
  if (!some) return;
  ofBatches.fill(frame.batches);
  const used = WHY.map((why, i) => ({ why, i })).filter(({ i }) => frame.batches.some((of) => of.closed[i] > 0));
  list(body.key, used, (u) => u.i, (u) => h("span", null, h(`i.c${u.i}`), u.why), () => {});
}

export function caches(frame) {
  const body = $("caches").querySelector(".body");
  ofCaches ??= table([
    { head: "Cache", cell: (th, of) => {
      th.label ??= th.appendChild(h("span.name"));
      if (of.tier == null) { name(th.label, of.a, of.m); return; }
      text(th.label, of.tier);
      th.down ??= th.appendChild(h("span.tag.bad", null, "out of reach"));
      th.down.style.marginLeft = "8px";
      th.down.hidden = of.up;
    } },
    { head: "Hits", title: "Of the reads of the last seconds", cell: (td, of) => metered(td, percent(of.hit_part), of.hit_part, of.hit_part < 0.2 ? "warn" : "") },
    { head: "Reads", cell: (td, of) => number(td, rate(of.rate)) },
    { head: "Entries", cell: (td, of) => number(td, count(of.len)) },
    { head: "Bytes", class: "mid", cell: (td, of) => number(td, bytes(of.bytes)) },
    { head: "Evicted", class: "lo", cell: (td, of) => number(td, count(of.evictions)) },
    { head: "Errors", class: "lo", title: "Failed, timed out and refused calls of the tier", cell: (td, of) => { number(td, count(of.errors)); td.classList.toggle("is-red", of.errors > 0); } },
  ], { key: (of) => `${of.a}.${of.m}/${of.tier ?? ""}`, row: (tr, of) => { tr.classList.toggle("sub", of.tier != null); } });
  const rows = frame.caches.flatMap((of) => [of, ...(of.tiers ?? []).map((tier) => ({ ...tier, a: of.a, m: of.m }))]);
  if (either(body, rows.length > 0, ofCaches.element, "No keyed cache: #[cached] fn balance(&self, #[key] id: u64).")) ofCaches.fill(rows);
}

export function pools(frame) {
  const body = $("pools").querySelector(".body");
  ofPools ??= table([
    { head: "Pool", cell: (th, of) => {
      th.label ??= th.appendChild(h("span.name"));
      text(th.label, of.name ?? of.type);
      th.label.title = of.type;
    } },
    { head: "Busy", title: "Part of the replicas' time that they had calls", cell: (td, of) => metered(td, percent(of.busy), of.busy, of.busy > 0.9 ? "bad" : of.busy > 0.7 ? "warn" : "") },
    { head: "Replicas", cell: (td, of) => {
      number(td, of.max ? [`${of.replicas}`, `of ${of.max}`] : count(of.replicas));
      td.title = `${of.active} have a call${of.ejected ? `, ${of.ejected} ejected` : ""}`;
    } },
    { head: "Under way", cell: (td, of) => number(td, count(of.in_flight)) },
    { head: "Queue", class: "mid", cell: (td, of) => number(td, count(of.queue)) },
    { head: "Calls", cell: (td, of) => number(td, rate(of.rate)) },
    { head: "Waiting", class: "mid", title: "Mean wait for a replica", cell: (td, of) => number(td, time(of.wait)) },
    { head: "Failed", class: "lo", cell: (td, of) => { number(td, count(of.failed)); td.classList.toggle("is-red", of.failed > 0); } },
    { head: "Ejected", class: "lo", title: "Times that a replica was ejected", cell: (td, of) => number(td, count(of.ejections)) },
  ], { key: (of) => of.key });
  if (either(body, frame.pools.length > 0, ofPools.element, "No pool: system.pool::<A>(args).start().")) {
    ofPools.fill(frame.pools.map((of, at) => ({ ...of, key: `${at}/${of.name ?? of.type}` })));
  }
}
