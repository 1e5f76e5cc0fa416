// The section of the runs on one trace.

function runsSection(group) {
  const runs = group.runs;
  const section = el(
    "section",
    {},
    el("h2", {}, `Runs on ${group.label}`),
    el(
      "p",
      {},
      `${plural(runs.length, "run")} of the same trace, ${plural(runs[0].layers.length, "layer")}. ` +
        `Time and energy are modelled, see the machines' pages for what is exact.`,
    ),
  );
  const block = (title, about, ...content) =>
    section.append(...[el("h3", {}, title), about && el("p", {}, about), ...content.flat()].filter(Boolean));
  const perRun = (make) => el("div", { class: "grid" }, runs.map(make));

  block("Speed and energy", null, ...speedAndEnergy(group));
  block(
    "Where every slot-cycle went",
    "Each bar is all slots times all cycles. Busy is useful work; each other part has a name in the machine's " +
      "page. Hover or open the numbers for exact counts.",
    runs.length > 1 ? stallOverview(runs) : null,
    perRun(runStalls),
  );
  block("Utilization", null, utilization(runs));
  block(
    "Which bound holds",
    "Cycles of the machine alone, split by what bounds them. Where memory is modelled, a black line marks " +
      "the cycles for which the layer's data take the DRAM.",
    perRun(runLadder),
    roofline(runs),
  );
  const told = runs.filter((run) => run.layers.some((layer) => layer.work));
  const silent = runs.filter((run) => !told.includes(run)).map((run) => run.label);
  block("Work of the PEs", silent.length ? `Not given by: ${silent.join(", ")}.` : null, told.map(loadCharts));
  block(
    "Tables",
    null,
    new DataTable(runTable(group)).element,
    new DataTable(layerTable(group)).element,
    new DataTable(configTable(group)).element,
    new DataTable(digestTable(group)).element,
    noteList(runs),
  );
  return section;
}

function speedAndEnergy(group) {
  const { runs } = group;
  let base = 0;
  const speedups = () =>
    byLayer(runs, (of, run, i) => ratio((i < 0 ? runs[base].totals : runs[base].layers[i]).time_us, of.time_us));
  const controls =
    runs.length > 1
      ? [
          picker(
            "Speed-up against",
            runs.map((run) => run.label),
            0,
            (i) => {
              base = i;
              show();
            },
          ),
        ]
      : [];
  const speed = new Chart("Speed-up per layer", { controls });
  const show = () => {
    const rows = speedups();
    const whole = rows.filter((row) => row.at === 0).sort((a, b) => b.value - a.value);
    const sentence =
      runs.length === 1
        ? `One run: ${shown(runs[0].totals.time_us)} µs, ${shown(runs[0].totals.cycles)} cycles. Add runs to compare.`
        : `Over all layers ${whole[0].run} is fastest, ${shown(whole[0].value)} times as fast as ` +
          `${runs[base].label}; the slowest is ${whole.at(-1).run} with ${shown(whole.at(-1).value)}.`;
    speed.update(sentence, () =>
      groupedBars(
        rows.map((row) => ({ ...row, text: `${shown(row.value)} x` })),
        runs,
        { title: `times as fast as ${label(runs[base].label)}`, tip: "speed-up", rule: 1 },
      ),
    );
    speed.offer(() => wide(`Speed-up against ${runs[base].label}`, rows, runs, "speedup"));
  };
  show();
  const rows = byLayer(runs, (of) => of.energy_pj / 1e3);
  const energy = new Chart("Energy per layer", { numbers: () => wide("Energy, nJ", rows, runs, "energy_nj") });
  const least = [...runs].sort((a, b) => a.totals.energy_pj - b.totals.energy_pj)[0];
  energy.update(`Least over all layers: ${least.label}, ${shown(least.totals.energy_pj / 1e3)} nJ.`, () =>
    groupedBars(
      rows.map((row) => ({ ...row, text: `${shown(row.value)} nJ` })),
      runs,
      { title: "energy, nJ", tip: "energy", axis: SHORT_NUMBERS },
    ),
  );
  return [el("div", { class: "grid" }, speed.element, energy.element), energyParts(runs)];
}

function energyParts(runs) {
  const rows = runs.map((run, i) => ({
    key: String(i),
    name: run.label,
    parts: scaled(run.energy_by_component, 1e-3),
  }));
  const parts = partsOf(rows);
  const chart = new Chart("Energy by component", {
    numbers: () => partTable("Energy by component, nJ", rows, parts, "energy_by_component"),
  });
  chart.update(
    runs
      .map((run, i) => {
        const [name, nj] = Object.entries(rows[i].parts).sort((a, b) => b[1] - a[1])[0] ?? ["nothing", 0];
        return `${run.label}: most in ${name}, ${percent(ratio(nj * 1e3, run.totals.energy_pj))}`;
      })
      .join("; ") + ".",
    () =>
      stackedBars(rows, parts, {
        title: "energy, nJ",
        share: false,
        unit: "nJ",
        colours: parts.map((_, i) => DATA.parts[i % DATA.parts.length]),
      }),
  );
  return chart.element;
}

const scaled = (amounts, factor) => Object.fromEntries(Object.entries(amounts).map(([name, n]) => [name, n * factor]));

function stallOverview(runs) {
  const rows = runs.map((run, i) => ({ key: String(i), name: run.label, parts: run.stalls }));
  const chart = new Chart("All layers, run by run", {
    numbers: () => partTable("Slot-cycles", rows, partsOf(rows), "stalls"),
  });
  chart.update(runs.map((run) => `${run.label}: ${largestStall(run.stalls)}`).join("; ") + ".", () => stallBars(rows));
  return chart.element;
}

function runStalls(run) {
  const rows = [
    { key: "-1", name: WHOLE, parts: run.stalls },
    ...run.layers.map((layer, i) => ({ key: String(i), name: layer.name, parts: layer.stalls })),
  ];
  const chart = new Chart(run.label, {
    numbers: () => partTable(`Slot-cycles of ${run.label}`, rows, partsOf(rows), "stalls"),
  });
  const total = Object.values(run.stalls).reduce((a, b) => a + b, 0);
  chart.update(`${shown(total)} slot-cycles: ${largestStall(run.stalls)}.`, () => stallBars(rows));
  return chart.element;
}

function utilization(runs) {
  const rows = byLayer(runs, (of) => of.utilization);
  const chart = new Chart("Busy share of all slot-cycles", {
    numbers: () => wide("Utilization", rows, runs, "utilization"),
  });
  chart.update(
    runs.map((run) => `${run.label} ${percent(run.totals.utilization)}`).join(", ") + " over all layers.",
    () =>
      groupedBars(
        rows.map((row) => ({ ...row, text: percent(row.value) })),
        runs,
        { title: "utilization", tip: "utilization", axis: { format: ".0%" } },
      ),
  );
  return chart.element;
}

function runLadder(run) {
  const columns = [
    "layer",
    "bound",
    "over_compute",
    "compute_cycles",
    "balanced_cycles",
    "machine_cycles",
    "dram_cycles",
    "cycles",
  ];
  const chart = new Chart(run.label, {
    numbers: () =>
      tableOf(
        `Bounds of ${run.label}, cycles`,
        "bounds.csv",
        run.layers.map((layer) => ({ layer: layer.name, cycles: layer.cycles, ...layer.roofline })),
        columns.map((name) => ({ name })),
      ),
  });
  const bounds = new Map();
  for (const layer of run.layers) bounds.set(layer.roofline.bound, (bounds.get(layer.roofline.bound) ?? 0) + 1);
  chart.update(`Bound by ${[...bounds].map(([name, n]) => `${name}: ${plural(n, "layer")}`).join(", ")}.`, () =>
    ladder(run),
  );
  return chart.element;
}

/** Only of runs whose results say how many bytes the DRAM moved, and how fast it is. */
function roofline(runs) {
  const modelled = runs.filter((run) => run.dram_gbps && run.layers.some((layer) => layer.dram_bytes));
  if (!modelled.length)
    return el(
      "p",
      { class: "says" },
      "No roofline over DRAM traffic: memory is modelled in none of these runs with a stated bandwidth (--dram-gbps).",
    );
  const points = modelled.flatMap((run) =>
    run.layers
      .filter((layer) => layer.dram_bytes && layer.macs_effectual && layer.time_us)
      .map((layer) => ({
        run: label(run.label),
        layer: layer.name,
        x: layer.macs_effectual / layer.dram_bytes,
        y: layer.macs_effectual / layer.time_us / 1e3,
        tip: {
          run: run.label,
          layer: layer.name,
          "MACs per byte": shown(layer.macs_effectual / layer.dram_bytes),
          "10⁹ MACs per s": shown(layer.macs_effectual / layer.time_us / 1e3),
          bound: layer.roofline.bound,
        },
      })),
  );
  const peak = (run) => (Math.max(...run.layers.map((layer) => layer.slots)) * run.clock_mhz) / 1e3;
  const xs = points.map((point) => point.x),
    ridges = modelled.map((run) => peak(run) / run.dram_gbps);
  const from = Math.min(...xs, ...ridges) / 3,
    to = Math.max(...xs, ...ridges) * 3;
  const roofs = modelled.flatMap((run, i) =>
    [from, ridges[i], to].map((x) => ({ run: label(run.label), x, y: Math.min(peak(run), x * run.dram_gbps) })),
  );
  const chart = new Chart("Roofline over DRAM traffic", {
    numbers: () =>
      tableOf("Roofline", "roofline.csv", points, [
        { name: "run" },
        { name: "layer" },
        { name: "x", title: "MACs per byte" },
        { name: "y", title: "10⁹ MACs per s" },
      ]),
  });
  const left = modelled.flatMap((run) => run.layers).length - points.length;
  const roof = (run) => `${run.label} (${shown(peak(run))} x 10⁹ slots per s, ${shown(run.dram_gbps)} GB/s)`;
  chart.update(
    `${plural(points.length, "layer")} under the roofs of ${modelled.map(roof).join(", ")}` +
      `${left ? `; ${plural(left, "layer")} without DRAM traffic or work left out` : ""}.`,
    () => rooflineChart(points, roofs, modelled),
  );
  return chart.element;
}
