// Numbers as people read them: three figures, and a unit. Each gives `[number, unit]`; null is a dash.

const DASH = ["–", ""];

function figures(x) {
  const digits = x >= 100 ? 0 : x >= 10 ? 1 : 2;
  return x.toFixed(digits);
}

const scale = (x, step, units) => {
  let at = 0;
  while (Math.abs(x) >= step * 0.9995 && at < units.length - 1) { x /= step; at++; }
  return [x, units[at]];
};

/** A count: whole up to 9,999, then 12.3 k. */
export function count(x) {
  if (x == null) return DASH;
  if (Math.abs(x) < 10000) return [Math.round(x).toLocaleString("en"), ""];
  const [scaled, unit] = scale(x, 1000, ["", "k", "M", "G", "T"]);
  return [figures(scaled), unit];
}

/** A number a second. */
export function rate(x) {
  if (x == null) return DASH;
  if (x === 0) return ["0", "/s"];
  if (x < 0.005) return ["<0.01", "/s"];
  if (x < 1000) return [x < 10 && x !== Math.round(x) ? x.toFixed(2) : x.toFixed(x < 100 && x !== Math.round(x) ? 1 : 0), "/s"];
  const [scaled, unit] = scale(x, 1000, ["", "k", "M", "G"]);
  return [figures(scaled), unit + "/s"];
}

/** Seconds, from nanoseconds to days. */
export function time(s) {
  if (s == null) return DASH;
  if (s === 0) return ["0", "s"];
  if (s < 1) {
    const [scaled, unit] = scale(s * 1e9, 1000, ["ns", "µs", "ms", "s"]);
    return [unit === "ns" ? scaled.toFixed(0) : figures(scaled), unit];
  }
  if (s < 60) return [figures(s), "s"];
  return [ago(s), ""];
}

/** Seconds as a span: 3 d 4 h, 5 min 12 s. */
export function ago(s) {
  s = Math.floor(s);
  if (s < 60) return `${s} s`;
  const two = (step, unit, below, lesser) => `${Math.floor(s / step)} ${unit}` + (Math.floor((s % step) / below) ? ` ${Math.floor((s % step) / below)} ${lesser}` : "");
  if (s < 3600) return two(60, "min", 1, "s");
  if (s < 86400) return two(3600, "h", 60, "min");
  return two(86400, "d", 3600, "h");
}

export function bytes(x) {
  if (x == null) return DASH;
  const [scaled, unit] = scale(x, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
  return [unit === "B" ? scaled.toFixed(0) : figures(scaled), unit];
}

/** A part of one, as percent: 0 and 100 only when they are it. */
export function percent(x) {
  if (x == null) return DASH;
  const p = x * 100;
  if (p > 0 && p < 0.01) return ["<0.01", "%"];
  if (p < 100 && p > 99.99) return [">99.99", "%"];
  return [p === 0 || p === 100 ? p.toFixed(0) : p < 1 || p > 99 ? p.toFixed(2) : p.toFixed(1), "%"];
}

export const plain = ([number, unit]) => (unit && unit !== "%" ? `${number}\u202f${unit}` : number + unit);

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

/** `1 restart`, `2 restarts`. */
export const many = (n, what) => `${plain(count(n))} ${what}${n === 1 ? "" : "s"}`;
