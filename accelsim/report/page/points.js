// The points of a sweep: their columns, names and fronts.

const AXES = { energy_pj: ["energy, µJ", 1e-6] }; // in a unit with fewer digits than the column has
const TITLES = {
  time_us: "time, µs",
  energy_pj: "energy, pJ",
  area_mm2: "area, mm²",
  sram_kbytes: "SRAM, KiB",
  cycles: "cycles",
};

/** A column as a function of the row. */
function unpacked(column) {
  if ("same" in column) return () => column.same;
  if ("of" in column) return (row) => column.of[column.at[row]];
  return (row) => column.each[row];
}

class Points {
  constructor(sweep) {
    this.label = sweep.label;
    this.count = sweep.points;
    this.names = Object.keys(sweep.columns);
    this.get = new Map(this.names.map((name) => [name, unpacked(sweep.columns[name])]));
    this.varying = this.names.filter((name) => !("same" in sweep.columns[name]));
    this.knobs = this.varying.filter(
      (name) => name.startsWith("config.") || ["trace", "arch", "policy"].includes(name),
    );
    const numbers = (name) => {
      for (let i = 0; i < this.count; i++) if (typeof this.value(i, name) === "number") return true;
      return false;
    };
    this.axes = this.varying.filter((name) => !name.startsWith("config.") && name !== "model_version" && numbers(name));
    this.finished = Array.from({ length: this.count }, (_, i) => i).filter(
      (i) => this.value(i, "status") === "finished",
    );
    const traces = [...new Set(this.finished.map((i) => this.value(i, "trace_digest")))];
    this.tracePlace = new Map(traces.map((digest, i) => [digest, i]));
  }

  value(row, name) {
    return this.get.get(name)?.(row);
  }

  /** The value in the unit of the column's axis. */
  amount(row, name) {
    return this.value(row, name) * (AXES[name]?.[1] ?? 1);
  }

  /** What makes a point this point. */
  name(row) {
    return (
      this.knobs
        .map((knob) =>
          knob.startsWith("config.") ? `${knob.slice(7)}=${this.value(row, knob)}` : this.value(row, knob),
        )
        .join(" ") || this.value(row, "run_id")
    );
  }

  tip(row, x, y) {
    const facts = {
      point: this.value(row, "run_id"),
      [axisTitle(x)]: shown(this.amount(row, x)),
      [axisTitle(y)]: shown(this.amount(row, y)),
    };
    for (const knob of this.knobs) facts[knob.replace(/^config\./, "")] = String(this.value(row, knob));
    return facts;
  }

  /** Of `rows`, those that no other row on the same trace beats, both columns smaller being better. */
  front(rows, x, y) {
    const kept = [];
    for (const group of grouped(rows, (row) => this.value(row, "trace_digest")).values()) {
      const order = [...group].sort(
        (a, b) => this.value(a, x) - this.value(b, x) || this.value(a, y) - this.value(b, y),
      );
      let best = Infinity,
        at = null;
      for (const row of order) {
        const height = this.value(row, y);
        if (height < best || (height === best && this.value(row, x) === at)) {
          kept.push(row);
          best = height;
          at = this.value(row, x);
        }
      }
    }
    return kept;
  }
}

function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(key(row))) groups.set(key(row), []);
    groups.get(key(row)).push(row);
  }
  return groups;
}

const axisTitle = (name) => AXES[name]?.[0] ?? titleOf(name);
const plain = (name) => titleOf(name).split(",")[0];
const titleOf = (name) => TITLES[name] ?? name;
const shownKnob = (value) => (typeof value === "number" ? value : label(String(value)));
