// The tables of the runs on one trace.

/** Layers by runs, as a table's rows. */
function wide(title, rows, runs, file) {
  const columns = [{ name: "layer" }, ...runs.map((run) => ({ name: run.label }))];
  const layers = rows.filter((row) => row.r === 0);
  const value = new Map(rows.map((row) => [`${row.at}|${row.r}`, row.value]));
  return {
    title,
    file: `${file}.csv`,
    columns,
    count: layers.length,
    cell: (row, c) => (c === 0 ? layers[row].layer : value.get(`${layers[row].at}|${c - 1}`)),
  };
}

function partTable(title, rows, parts, file) {
  const columns = [{ name: "of" }, ...parts.map((name) => ({ name }))];
  return {
    title,
    file: `${file}.csv`,
    columns,
    count: rows.length,
    cell: (row, c) => (c === 0 ? rows[row].name : (rows[row].parts[parts[c - 1]] ?? 0)),
  };
}

function runTable(group) {
  const rows = group.runs.map((run) => ({
    run: run.label,
    policy: run.policy,
    ...run.totals,
    speedup: ratio(group.runs[0].totals.time_us, run.totals.time_us),
    area_mm2: run.area_mm2,
  }));
  return tableOf("Runs", "runs.csv", rows, [
    { name: "run" },
    { name: "policy" },
    { name: "cycles" },
    { name: "time_us", title: "time, µs" },
    { name: "speedup", title: "speed-up" },
    { name: "energy_pj", title: "energy, pJ" },
    { name: "utilization", format: percent },
    { name: "macs_dense", title: "dense MACs" },
    { name: "macs_effectual", title: "effectual MACs" },
    { name: "area_mm2", title: "area, mm²" },
  ]);
}

function layerTable(group) {
  const rows = group.runs.flatMap((run) =>
    run.layers.map((layer) => ({
      run: run.label,
      layer: layer.name,
      ...layer,
      bound: layer.roofline.bound,
      imbalance: layer.work?.imbalance,
      dram_bytes: layer.dram_bytes,
      ...Object.fromEntries(Object.entries(layer.stalls).map(([name, n]) => [`stall.${name}`, n])),
      ...Object.fromEntries(Object.entries(layer.energy_by_component).map(([name, pj]) => [`energy_pj.${name}`, pj])),
    })),
  );
  const main = [
    { name: "run" },
    { name: "layer" },
    { name: "op" },
    { name: "shape", hidden: true },
    { name: "cycles" },
    { name: "time_us", title: "time, µs" },
    { name: "energy_pj", title: "energy, pJ" },
    { name: "utilization", format: percent },
    { name: "bound" },
    { name: "imbalance" },
    { name: "macs_dense", title: "dense MACs" },
    { name: "macs_effectual", title: "effectual MACs" },
    { name: "slots", hidden: true },
    { name: "dram_bytes", title: "DRAM bytes", hidden: true },
  ];
  const more = new Set(
    rows.flatMap((row) => Object.keys(row).filter((key) => key.startsWith("stall.") || key.startsWith("energy_pj."))),
  );
  return tableOf("Layers", "layers.csv", rows, [...main, ...[...more].map((name) => ({ name, hidden: true }))]);
}

function configTable(group) {
  const keys = [...new Set(group.runs.flatMap((run) => Object.keys(run.config)))];
  const differs = (key) => new Set(group.runs.map((run) => JSON.stringify(run.config[key]))).size > 1;
  const rows = keys
    .map((key) => ({ key, differs: group.runs.length > 1 && differs(key) }))
    .sort((a, b) => b.differs - a.differs);
  const columns = [{ name: "key" }, ...group.runs.map((run) => ({ name: run.label })), { name: "differs" }];
  const text = (value) => (value === null ? "null" : typeof value === "object" ? JSON.stringify(value) : value);
  return {
    title: "Configs, the keys that differ first",
    file: "configs.csv",
    columns,
    count: rows.length,
    cell: (row, c) =>
      c === 0
        ? rows[row].key
        : c > group.runs.length
          ? rows[row].differs
          : text(group.runs[c - 1].config[rows[row].key]),
  };
}

function digestTable(group) {
  const rows = group.runs.map((run) => ({ ...run, run: run.label, trace: group.trace, trace_digest: group.digest }));
  return tableOf(
    "Where the numbers come from",
    "digests.csv",
    rows,
    [
      "run",
      "run_id",
      "source",
      "trace",
      "trace_digest",
      "engine",
      "model_version",
      "energy_table",
      "energy_table_digest",
    ].map((name) => ({ name, title: name.replaceAll("_", " "), format: String })),
  );
}

function noteList(runs) {
  const notes = runs.flatMap((run) =>
    run.layers.flatMap((layer) => layer.notes.map((note) => `${run.label}, ${layer.name}: ${note}`)),
  );
  return notes.length
    ? el(
        "details",
        {},
        el("summary", {}, `${plural(notes.length, "note")} of the machines`),
        el(
          "ul",
          {},
          notes.map((note) => el("li", {}, note)),
        ),
      )
    : null;
}
