// The section of a sweep: its points, what no other point beats, and where the slot-cycles of those went.

const FRONT_BARS = 30; // drawn at most
const SHORT = [
  "run_id",
  "status",
  "trace",
  "arch",
  "policy",
  "cycles",
  "time_us",
  "energy_pj",
  "utilization",
  "area_mm2",
  "error",
];

function sweepSection(sweep) {
  const points = new Points(sweep);
  const failed = points.count - points.finished.length;
  const why = failed ? `, ${shown(failed)} failed (filter the table's status column for why)` : "";
  const varies = points.knobs.map((knob) => knob.replace(/^config\./, "")).join(", ") || "nothing";
  const section = el(
    "section",
    {},
    el("h2", {}, `Sweep ${sweep.label}`),
    el(
      "p",
      {},
      `${plural(points.count, "point")}, ${shown(points.finished.length)} finished${why}. ` +
        `What varies: ${varies}. Everything else is in the table under all columns.`,
    ),
  );
  const scatter = points.axes.length > 1 ? new ParetoView(points) : null;
  section.append(el("h3", {}, "Trade-offs"));
  section.append(
    ...(scatter
      ? scatter.elements
      : [el("p", {}, "Fewer than two quantities differ between the points: there is nothing to trade.")]),
  );
  const columns = points.names.map((name) => ({
    name,
    title: TITLES[name] ?? name.replace(/^config\./, ""),
    format: name === "utilization" ? percent : undefined,
    hidden:
      !(SHORT.includes(name) && (points.varying.includes(name) || name === "cycles")) && !points.knobs.includes(name),
  }));
  const table = new DataTable({
    title: `Points of ${sweep.label}`,
    file: "points.csv",
    columns,
    count: points.count,
    cell: (row, c) => points.value(row, columns[c].name),
    onfilter: (rows) => scatter?.show(rows),
  });
  section.append(
    el("h3", {}, "Points"),
    scatter ? el("p", {}, "Filters hold for the charts above too.") : "",
    table.element,
  );
  return section;
}

class ParetoView {
  constructor(points) {
    this.points = points;
    const wanted = (names, not) =>
      names.find((name) => points.axes.includes(name) && name !== not) ?? points.axes.find((name) => name !== not);
    this.x = wanted(["time_us", "cycles"]);
    this.y = wanted(["energy_pj", "area_mm2", "sram_kbytes"], this.x);
    this.colour = 0;
    this.rows = points.finished;
    const names = points.axes.map((name) => TITLES[name] ?? name);
    const colours = ["nothing", ...points.knobs.map((name) => name.replace(/^config\./, ""))];
    this.chart = new Chart("Points and the front", {
      canvas: true,
      controls: [
        picker("Across", names, points.axes.indexOf(this.x), (i) => {
          this.x = points.axes[i];
          this.show();
        }),
        picker("Up", names, points.axes.indexOf(this.y), (i) => {
          this.y = points.axes[i];
          this.show();
        }),
        picker("Colour by", colours, 0, (i) => {
          this.colour = i;
          this.show();
        }),
      ],
    });
    this.stalls = new Chart("Where the slot-cycles of the front's points went", {});
    this.fronts = el("div");
    this.elements = [this.chart.element, this.fronts, this.stalls.element];
    this.show();
  }

  show(rows = this.rows) {
    const { points, x, y } = this;
    this.rows = rows.filter((row) => points.value(row, "status") === "finished");
    const drawn = this.rows.filter(
      (row) => typeof points.value(row, x) === "number" && typeof points.value(row, y) === "number",
    );
    const front = points.front(drawn, x, y);
    const left = this.rows.length - drawn.length;
    this.chart.update(
      `${plural(drawn.length, "point")}; ${shown(front.length)} on the front: no other point of the same trace is at ` +
        `least as low in both ${plain(x)} and ${plain(y)} and lower in one. ` +
        "Shift and wheel zoom, shift and drag move, a double click resets." +
        (left ? ` ${plural(left, "point")} without these numbers left out.` : ""),
      drawn.length ? () => this.scatter(drawn, front) : null,
    );
    this.showFront(front);
  }

  scatter(rows, front) {
    const { points, x, y } = this;
    const on = new Set(front);
    const knob = this.colour ? points.knobs[this.colour - 1] : null;
    const values = rows.map((row) => ({
      x: points.amount(row, x),
      y: points.amount(row, y),
      front: on.has(row),
      t: points.tracePlace.get(points.value(row, "trace_digest")),
      ...(knob ? { c: shownKnob(points.value(row, knob)) } : {}),
      tip: points.tip(row, x, y),
    }));
    const positive = (name) => rows.every((row) => points.value(row, name) > 0);
    const axis = (name, field) => ({
      field,
      type: "quantitative",
      title: axisTitle(name),
      axis: SHORT_NUMBERS,
      scale: positive(name) ? { type: "log", nice: false, padding: 12 } : { type: "linear", zero: false },
    });
    const at = { x: axis(x, "x"), y: axis(y, "y") };
    const kinds = knob ? [...new Set(values.map((one) => one.c))].sort((a, b) => compareCells(a, b)) : [];
    const numeric = kinds.length > 8 && kinds.every((kind) => typeof kind === "number");
    const colour = knob
      ? {
          color: {
            field: "c",
            type: numeric ? "quantitative" : "nominal",
            title: label(knob.replace(/^config\./, "")),
            ...(numeric
              ? { scale: { scheme: DATA.sequential } }
              : {
                  scale: { domain: kinds, range: kinds.map((_, i) => DATA.series[i % DATA.series.length]) },
                  sort: kinds,
                }),
          },
        }
      : { color: { value: DATA.series[0] } };
    const points_ = {
      data: { values },
      params: [
        {
          name: "view",
          bind: "scales",
          select: {
            type: "interval",
            zoom: "wheel![event.shiftKey]",
            translate: "[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
          },
        },
      ],
      mark: { type: "point", filled: true, size: values.length > 2000 ? 16 : 40, opacity: 0.75 },
      encoding: { ...at, ...colour, tooltip: { field: "tip", type: "nominal" } },
    };
    const steps = {
      data: { values: values.filter((one) => one.front) },
      mark: { type: "line", interpolate: "step-after", color: "#202124", strokeWidth: 1.2 },
      encoding: { ...at, detail: { field: "t", type: "nominal" } },
    };
    const rings = {
      data: { values: values.filter((one) => one.front) },
      mark: { type: "point", filled: false, size: 90, color: "#202124", strokeWidth: 1.4 },
      encoding: { ...at, tooltip: { field: "tip", type: "nominal" } },
    };
    return { height: 400, layer: [points_, steps, rings] };
  }

  showFront(front) {
    const { points, x, y } = this;
    const columns = [...points.knobs, x, y].map((name) => ({
      name,
      title: TITLES[name] ?? name.replace(/^config\./, ""),
    }));
    columns.unshift({ name: "number" }, { name: "run_id" });
    const table = new DataTable({
      title: "Points on the front",
      file: "front.csv",
      columns,
      count: front.length,
      cell: (row, c) => (c === 0 ? row + 1 : points.value(front[row], columns[c].name)),
    });
    this.fronts.replaceChildren(
      el("details", {}, el("summary", {}, `The ${plural(front.length, "point")} on the front`), table.element),
    );
    const stalls = points.names.filter((name) => name.startsWith("stall."));
    const rows = front.slice(0, FRONT_BARS).map((row, i) => ({
      key: String(row),
      name: `${i + 1}. ${points.name(row)}`,
      parts: Object.fromEntries(stalls.map((name) => [name.slice(6), points.value(row, name) ?? 0])),
    }));
    const only = front.length > rows.length ? ` The first ${rows.length} of ${front.length} are drawn.` : "";
    this.stalls.update(
      `In the order of ${plain(x)}; the numbers are those of the list of the front.${only}`,
      rows.length ? () => stallBars(rows) : null,
    );
  }
}
