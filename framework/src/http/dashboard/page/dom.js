// The little that is needed to change a page and keep its focus, selection and scrolling.

/** An element: `h("td.num", {title: "a"}, "text", child)`. */
export function h(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Sets a text that has changed, so that what has not is not laid out again. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
  return element;
}

export function attribute(element, name, value) {
  if (value == null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A text in which `code` stands between backticks. */
export function prose(element, said) {
  if (element.dataset.said === said) return;
  element.dataset.said = said;
  element.replaceChildren(...said.split("`").map((part, i) => (i % 2 ? h("code", null, part) : part)));
}

/** A number with its unit set apart. */
export function number(element, [value, unit]) {
  const said = value + "\u202f" + unit;
  if (element.dataset.said === said) return element;
  element.dataset.said = said;
  element.replaceChildren(value, ...(unit ? [h("span.unit", null, "\u202f" + unit)] : []));
  return element;
}

/** The children of `parent` after a list: one for each key, kept while its key is there, in the list's order. */
export function list(parent, items, key, make, fill) {
  const known = (parent.known ??= new Map());
  const seen = new Set();
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    seen.add(name);
    let element = known.get(name);
    if (!element) known.set(name, (element = make(item)));
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
    fill(element, item);
  }
  for (const [name, element] of known) {
    if (!seen.has(name)) { element.remove(); known.delete(name); }
  }
}

/** A table of columns `{head, cell(td, item), class, title}`; the first is the row's header. */
export function table(columns, { key, row, tall } = {}) {
  const body = h("tbody");
  const heads = columns.map((c) => h("th" + (c.class ? "." + c.class : ""), { scope: "col", title: c.title }, c.head));
  const element = h("table", null, h("thead", null, h("tr", null, ...heads)), body);
  const scroll = h("div.scroll" + (tall ? ".tall" : ""), { tabindex: tall ? 0 : null, role: tall ? "region" : null, "aria-label": tall || null }, element);
  const make = () => {
    const cells = columns.map((c, i) => h((i ? "td" : "th") + (c.class ? "." + c.class : ""), i ? null : { scope: "row" }));
    return h("tr", null, ...cells);
  };
  const fill = (tr, item) => {
    columns.forEach((c, i) => c.cell(tr.children[i], item));
    row?.(tr, item);
  };
  return { element: scroll, fill: (items) => list(body, items, key, make, fill) };
}

/** Shows `element` when there is something, else a sentence. */
export function either(body, something, element, sentence) {
  body.empty ??= body.appendChild(h("p.empty"));
  if (element.parentNode !== body) body.prepend(element);
  element.hidden = !something;
  body.empty.hidden = something;
  if (!something) text(body.empty, sentence);
  return something;
}

/** `Catalog#107.product` with what it belongs to paler. */
export function name(element, owner, method) {
  const said = `${owner}.${method}`;
  if (element.dataset.said === said) return element;
  element.dataset.said = said;
  element.title = said;
  element.replaceChildren(h("span.of", null, owner + "."), method);
  return element;
}

export const metered = (td, values, share, level) => {
  td.value ??= td.appendChild(h("span"));
  td.bar ??= td.appendChild(h("span.meter", null, h("i")));
  number(td.value, values);
  td.bar.hidden = share == null;
  td.bar.className = "meter" + (level ? " " + level : "");
  td.bar.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, share ?? 0))})`;
};

/** One of a few, as radio buttons: arrow keys choose. */
export function choice(host, options, chosen, choose) {
  const pick = (value) => {
    for (const button of host.children) {
      const is = button.dataset.value === value;
      button.setAttribute("aria-checked", is);
      button.tabIndex = is ? 0 : -1;
    }
  };
  host.replaceChildren(...options.map(([value, said]) =>
    h("button", { type: "button", role: "radio", "data-value": value, onclick: () => { pick(value); choose(value); } }, said)));
  host.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = [...host.children].indexOf(document.activeElement);
    const next = host.children[(at + step + host.children.length) % host.children.length];
    next.focus();
    next.click();
  });
  pick(chosen);
  return pick;
}
