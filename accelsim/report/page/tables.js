// Tables: sorted by their headings, filtered by what is typed, shown a page at a time, saved as CSV.
// Text reaches the page as text nodes alone.

const PAGE_ROWS = 25;
const COMPARES = {
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  "=": (a, b) => a === b,
};

/** An element with attributes, listeners (onclick...) and children; strings become text. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

/** Numbers as people read them: whole ones in groups of three, others with four or more significant digits. */
function shown(value) {
  if (value == null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
  return size >= 1e-3 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}

/** A test of one cell from what was typed: ">= 32", "!= 0", "= eie", or a part of the text. */
function cellTest(typed) {
  const text = typed.trim();
  if (!text) return null;
  const [, sign, rest] = /^(>=|<=|!=|>|<|=)\s*(.*)$/.exec(text) ?? [];
  if (sign && rest === "") return null; // not finished yet
  if (sign) {
    const number = Number(rest.replaceAll(",", "").replace(/%$/, ""));
    const wanted = rest.endsWith("%") ? number / 100 : number;
    return (value) =>
      typeof value === "number"
        ? !Number.isNaN(number) && COMPARES[sign](value, wanted)
        : (sign === "=" || sign === "!=") && COMPARES[sign](String(value ?? "").toLowerCase(), rest.toLowerCase());
  }
  const part = text.toLowerCase();
  return (value) =>
    String(value ?? "")
      .toLowerCase()
      .includes(part) || shown(value).toLowerCase().includes(part);
}

function compareCells(a, b, down = false) {
  if (a == null || b == null) return (a == null) - (b == null); // what is missing comes last, up and down
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}

function csvCell(value) {
  const text = value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Offer text as a file. */
function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

class DataTable {
  /** columns: [{name, title?, format?, hidden?}]; count rows; cell(row, column index) gives the value. */
  constructor({ title, columns, count, cell, file, onfilter }) {
    Object.assign(this, { title, columns, count, cell, file, onfilter });
    this.order = Array.from({ length: count }, (_, i) => i);
    this.sorted = null;
    this.page = 0;
    this.filters = new Map();
    this.visible = columns.map((_, i) => i).filter((i) => !columns[i].hidden);
    this.numeric = columns.map((_, c) => {
      for (let row = 0; row < count; row++) if (cell(row, c) != null) return typeof cell(row, c) === "number";
      return false;
    });
    this.element = this.build();
    this.refresh();
  }

  build() {
    this.body = el("tbody");
    this.head = el("thead");
    this.status = el("span", { role: "status", class: "status" });
    this.back = el("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = el("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    const search = el("input", { type: "search", oninput: (event) => this.filter(-1, event.target.value) });
    const bar = el("div", { class: "bar" }, el("label", {}, "Search ", search));
    if (this.visible.length < this.columns.length) {
      const all = el("input", { type: "checkbox", onchange: (event) => this.showAll(event.target.checked) });
      bar.append(el("label", {}, all, ` All ${this.columns.length} columns`));
    }
    bar.append(el("button", { type: "button", onclick: () => save(this.file, this.csv()) }, "Download CSV"));
    const table = el("table", {}, el("caption", {}, this.title), this.head, this.body);
    this.buildHead();
    return el(
      "div",
      { class: "datatable" },
      bar,
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": this.title }, table),
      el("div", { class: "bar pages" }, this.status, this.back, this.next),
    );
  }

  buildHead() {
    const titles = this.visible.map((c) => {
      const button = el(
        "button",
        { type: "button", onclick: () => this.sort(c) },
        this.columns[c].title ?? this.columns[c].name,
      );
      return el(
        "th",
        {
          scope: "col",
          "data-column": this.columns[c].name,
          class: this.numeric[c] ? "number" : null,
          "aria-sort": this.sorted?.column === c ? (this.sorted.down ? "descending" : "ascending") : null,
        },
        button,
      );
    });
    const filters = this.visible.map((c) =>
      el(
        "td",
        {},
        el("input", {
          type: "text",
          size: 7,
          value: this.filters.get(c) ?? "",
          placeholder: this.numeric[c] ? ">= …" : "filter",
          "aria-label": `Filter ${this.columns[c].title ?? this.columns[c].name}`,
          oninput: (event) => this.filter(c, event.target.value),
        }),
      ),
    );
    this.head.replaceChildren(el("tr", {}, titles), el("tr", { class: "filters" }, filters));
  }

  showAll(all) {
    this.visible = this.columns.map((_, i) => i).filter((i) => all || !this.columns[i].hidden);
    this.buildHead();
    this.show();
  }

  sort(column) {
    const again = this.sorted?.column === column;
    this.sorted = again && this.sorted.down ? null : { column, down: again };
    this.visible.forEach((c, i) => {
      const head = this.head.rows[0].cells[i];
      if (this.sorted?.column === c) head.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.refresh();
  }

  filter(column, text) {
    if (text.trim()) this.filters.set(column, text);
    else this.filters.delete(column);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.refresh();
      this.onfilter?.(this.order);
    }, 120);
  }

  /** Filter and sort again, and show the first page. */
  refresh() {
    const tests = [...this.filters].map(([c, text]) => [c, cellTest(text)]).filter(([, test]) => test);
    const holds = (row) =>
      tests.every(([c, test]) =>
        c >= 0 ? test(this.cell(row, c)) : this.visible.some((column) => test(this.cell(row, column))),
      );
    this.order = [];
    for (let row = 0; row < this.count; row++) if (holds(row)) this.order.push(row);
    if (this.sorted) {
      const { column, down } = this.sorted;
      this.order.sort((a, b) => compareCells(this.cell(a, column), this.cell(b, column), down) || a - b);
    }
    this.page = 0;
    this.show();
  }

  turn(pages) {
    this.page += pages;
    this.show();
  }

  show() {
    const from = this.page * PAGE_ROWS;
    const rows = this.order.slice(from, from + PAGE_ROWS);
    this.body.replaceChildren(
      ...rows.map((row) =>
        el(
          "tr",
          {},
          this.visible.map((c) => {
            const value = this.cell(row, c);
            return el(
              "td",
              { class: this.numeric[c] ? "number" : null },
              value == null ? "–" : (this.columns[c].format ?? shown)(value),
            );
          }),
        ),
      ),
    );
    const all = this.order.length === this.count ? "" : ` (of ${shown(this.count)})`;
    this.status.textContent = rows.length
      ? `${shown(from + 1)}–${shown(from + rows.length)} of ${shown(this.order.length)}${all}`
      : `no row${all}`;
    this.back.disabled = this.page === 0;
    this.next.disabled = from + PAGE_ROWS >= this.order.length;
    this.back.hidden = this.next.hidden = this.order.length <= PAGE_ROWS;
  }

  /** The rows that the filters leave, in the order shown, with every column and full numbers. */
  csv() {
    const lines = [this.columns.map((column) => csvCell(column.name)).join(",")];
    for (const row of this.order) lines.push(this.columns.map((_, c) => csvCell(this.cell(row, c))).join(","));
    return lines.join("\n") + "\n";
  }
}
