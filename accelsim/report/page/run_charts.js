// What is drawn of the runs on one trace. Rows of bars are layers, after one for the whole trace.

const WHOLE = "all layers";

/** Rows by layer and run of `value(totals or layer, run)`. */
function byLayer(runs, value) {
  const rows = [];
  runs.forEach((run, r) => {
    rows.push({ layer: WHOLE, at: 0, run: run.label, r, value: value(run.totals, run, -1) });
    run.layers.forEach((layer, i) =>
      rows.push({ layer: layer.name, at: i + 1, run: run.label, r, value: value(layer, run, i) }),
    );
  });
  return rows;
}

/** A long name without its middle. */
const short = (name) => (name.length > 18 ? `${name.slice(0, 10)}…${name.slice(-7)}` : name);

/** Bars of each run beside each other, layer by layer; one layer's bars under each other when runs are many. */
function groupedBars(rows, runs, { title, tip, rule = null, axis = {} }) {
  const many = runs.length > DATA.series.length;
  const labels = runs.map((run) => label(run.label));
  const layers = [...new Map(rows.map((row) => [row.at, row.layer]))].sort((a, b) => a[0] - b[0]);
  const name = (row) => (many ? `${short(row.layer)} · ${row.run}` : row.layer);
  const order = many
    ? layers.flatMap(([at]) => rows.filter((row) => row.at === at)).map((row) => `${row.at}|${row.r}`)
    : layers.map(([at]) => String(at));
  const key = (row) => (many ? `${row.at}|${row.r}` : String(row.at));
  const names = Object.fromEntries(rows.map((row) => [key(row), label(name(row))]));
  const values = rows.map((row) => ({
    key: key(row),
    run: label(row.run),
    value: row.value,
    tip: { layer: row.layer, run: row.run, [tip]: row.text ?? shown(row.value) },
  }));
  const bars = {
    mark: { type: "bar" },
    encoding: {
      y: { field: "key", type: "nominal", sort: order, title: null, axis: NAMES_OF },
      x: { field: "value", type: "quantitative", title, axis },
      tooltip: { field: "tip", type: "nominal" },
      ...(many
        ? { color: { value: DATA.series[0] } }
        : {
            yOffset: { field: "run", type: "nominal", sort: labels },
            color: {
              field: "run",
              type: "nominal",
              title: null,
              sort: labels,
              legend: runs.length > 1 ? {} : null,
              scale: { domain: labels, range: seriesOf(runs) },
            },
          }),
    },
  };
  const line = rule && {
    mark: { type: "rule", aria: false, color: "#202124", strokeDash: [4, 3] },
    encoding: { x: { datum: rule } },
  };
  const step = many ? 16 : runs.length * (runs.length > 3 ? 9 : 13) + 10;
  return {
    height: order.length * step,
    params: namesParameter(names),
    data: { values },
    ...(line ? { layer: [bars, line] } : bars),
  };
}

/** An axis whose keys are shown under their names: two layers may have one name. The names are data, never code. */
const NAMES_OF = { labelExpr: "names[datum.value]", labelPadding: 5, ticks: false };
const namesParameter = (names) => [{ name: "names", value: names }];

/** Parts of a whole under each other: rows of {key, name, parts: {part: amount}}; null where all are 0. */
function stackedBars(rows, parts, { title, share, colours, unit, extra = [] }) {
  const names = Object.fromEntries(rows.map((row) => [row.key, label(row.name)]));
  const values = rows.flatMap((row) => {
    const total = parts.reduce((sum, part) => sum + (row.parts[part] ?? 0), 0);
    return parts
      .filter((part) => row.parts[part])
      .map((part) => ({
        key: row.key,
        part: label(part),
        place: parts.indexOf(part),
        value: share ? ratio(row.parts[part], total) : row.parts[part],
        tip: { "": row.name, part, [unit]: shown(row.parts[part]), share: percent(ratio(row.parts[part], total)) },
      }));
  });
  if (!values.length) return null;
  const y = {
    field: "key",
    type: "nominal",
    sort: rows.map((row) => row.key),
    title: null,
    axis: NAMES_OF,
    scale: { domain: rows.map((row) => row.key) },
  };
  const bars = {
    data: { values },
    mark: { type: "bar" },
    encoding: {
      y,
      x: {
        field: "value",
        type: "quantitative",
        stack: "zero",
        title,
        axis: share ? { format: ".0%" } : SHORT_NUMBERS,
        ...(share ? { scale: { domain: [0, 1] } } : {}),
      },
      color: {
        field: "part",
        type: "nominal",
        title: null,
        sort: parts.map(label),
        scale: { domain: parts.map(label), range: colours },
      },
      order: { field: "place", type: "quantitative" },
      tooltip: { field: "tip", type: "nominal" },
    },
  };
  return {
    height: rows.length * 22,
    params: namesParameter(names),
    ...(extra.length ? { layer: [bars, ...extra.map((one) => one(y))] } : bars),
  };
}

/** The parts that `rows` of {parts} have at all, in the machines' order, the waits for memory last. */
function partsOf(rows) {
  const names = new Set();
  for (const row of rows) for (const [name, n] of Object.entries(row.parts)) if (n) names.add(name);
  const last = (name) => name.startsWith("memory_");
  return [...names].sort((a, b) => last(a) - last(b));
}

function stallBars(rows) {
  const parts = partsOf(rows);
  return stackedBars(rows, parts, {
    title: "share of all slot-cycles",
    share: true,
    colours: parts.map(colourOf),
    unit: "slot-cycles",
  });
}

function largestStall(stalls) {
  const total = Object.values(stalls).reduce((a, b) => a + b, 0);
  const [name, n] = Object.entries(stalls)
    .filter(([stall]) => stall !== "busy")
    .sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
  const busy = `busy ${percent(ratio(stalls.busy ?? 0, total))}`;
  return n ? `${busy}, most lost to ${name}: ${percent(ratio(n, total))}` : busy;
}

/** The ladder of bounds of each layer of a run: compute, imbalance, on-chip; a line where the DRAM's time is. */
function ladder(run) {
  const steps = ["compute", "imbalance", "on-chip"];
  const rows = run.layers.map((layer, i) => {
    const roof = layer.roofline;
    return {
      key: String(i),
      name: layer.name,
      parts: {
        compute: roof.compute_cycles,
        imbalance: roof.balanced_cycles - roof.compute_cycles,
        "on-chip": roof.machine_cycles - roof.balanced_cycles,
      },
    };
  });
  const marks = run.layers
    .map((layer, i) => ({
      key: String(i),
      value: layer.roofline.dram_cycles,
      tip: { "": layer.name, "DRAM, cycles": shown(layer.roofline.dram_cycles) },
    }))
    .filter((mark) => mark.value != null);
  const tick = (y) => ({
    data: { values: marks },
    mark: { type: "tick", thickness: 3, color: "#000000", size: 18 },
    encoding: { y, x: { field: "value", type: "quantitative" }, tooltip: { field: "tip", type: "nominal" } },
  });
  return stackedBars(rows, steps, {
    title: "cycles of the machine alone",
    share: false,
    colours: [colourOf("busy") ?? DATA.series[0], "#dd8f15", "#6a94c0"],
    unit: "cycles",
    extra: marks.length ? [tick] : [],
  });
}

/** Work per byte against work per time, under each machine's roof. */
function rooflineChart(points, roofs, runs) {
  const names = runs.map((run) => label(run.label));
  const color = {
    field: "run",
    type: "nominal",
    title: null,
    sort: names,
    scale: { domain: names, range: seriesOf(names) },
  };
  const x = {
    field: "x",
    type: "quantitative",
    scale: { type: "log", nice: false },
    title: "effectual MACs per byte of DRAM traffic",
    axis: { format: "~g" },
  };
  const y = {
    field: "y",
    type: "quantitative",
    scale: { type: "log" },
    title: "10⁹ effectual MACs per second",
    axis: { format: "~g" },
  };
  return {
    height: 340,
    layer: [
      {
        data: { values: roofs },
        mark: { type: "line", strokeWidth: 1.5, clip: true },
        encoding: { x, y, color, detail: { field: "run", type: "nominal" } },
      },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 70, opacity: 0.9, stroke: "#ffffff", strokeWidth: 0.5 },
        encoding: {
          x,
          y,
          color,
          shape: { field: "run", type: "nominal", title: null, sort: names, scale: { domain: names } },
          tooltip: { field: "tip", type: "nominal" },
        },
      },
    ],
  };
}
