// The section of a comparison of policies.

const TOTAL = "total";

function comparisonSection(comparison) {
  const section = el(
    "section",
    {},
    el("h2", {}, `Policies on ${comparison.label}`),
    el(
      "p",
      {},
      "The same trace on the same hardware; the first policy of a design is its baseline. " +
        "The black line is the bound: cycles that no policy can go below.",
    ),
  );
  const designs = [...new Set(comparison.rows.map((row) => row.design))];
  section.append(
    el("h3", {}, "All layers"),
    el(
      "div",
      { class: "grid" },
      designs.map((design) => {
        const rows = comparison.rows.filter((row) => row.design === design && row.layer === TOTAL);
        return policyBars(design, rows.length ? rows : comparison.rows.filter((row) => row.design === design));
      }),
    ),
  );
  section.append(
    el("h3", {}, "Layer by layer"),
    el(
      "div",
      { class: "grid" },
      designs.map((design) =>
        policySpeedups(
          design,
          comparison.rows.filter((row) => row.design === design && row.layer !== TOTAL),
        ),
      ),
    ),
  );
  const stalls = [...new Set(comparison.rows.flatMap((row) => Object.keys(row.stalls)))];
  const rows = comparison.rows.map((row) => ({
    ...row,
    ...Object.fromEntries(Object.entries(row.stalls).map(([name, n]) => [`stall.${name}`, n])),
  }));
  const columns = [
    "design",
    "policy",
    "layer",
    "cycles",
    "speedup",
    "energy_pj",
    "utilization",
    "imbalance",
    "bound_cycles",
    "moved_stall",
    "moved_slot_cycles",
  ];
  section.append(
    new DataTable(
      tableOf(`Policies on ${comparison.trace}`, "policies.csv", rows, [
        ...columns.map((name) => ({
          name,
          title: { energy_pj: "energy, pJ", speedup: "speed-up" }[name] ?? name.replaceAll("_", " "),
          format: name === "utilization" ? percent : undefined,
        })),
        ...stalls.map((name) => ({ name: `stall.${name}`, hidden: true })),
      ]),
    ).element,
  );
  return section;
}

/** Cycles of each policy, split by what the slots did, and the bound. */
function policyBars(design, rows) {
  const bars = rows.map((row, i) => {
    const total = Object.values(row.stalls).reduce((a, b) => a + b, 0);
    return {
      key: String(i),
      name: row.policy,
      parts: Object.fromEntries(Object.entries(row.stalls).map(([name, n]) => [name, row.cycles * ratio(n, total)])),
    };
  });
  const parts = partsOf(bars);
  const marks = rows.map((row, i) => ({
    key: String(i),
    value: row.bound_cycles,
    tip: { policy: row.policy, "bound, cycles": shown(row.bound_cycles) },
  }));
  const tick = (y) => ({
    data: { values: marks },
    mark: { type: "tick", thickness: 3, color: "#000000", size: 20 },
    encoding: { y, x: { field: "value", type: "quantitative" }, tooltip: { field: "tip", type: "nominal" } },
  });
  const best = [...rows].sort((a, b) => a.cycles - b.cycles)[0];
  const chart = new Chart(`${design}: cycles`, {
    numbers: () => partTable(`Cycles of ${design} by what the slots did`, bars, parts, "policy_cycles"),
  });
  chart.update(
    `Fewest cycles: ${best.policy} with ${shown(best.cycles)}, ${shown(best.speedup)} times as fast as ` +
      `${rows[0].policy}; the bound is ${shown(best.bound_cycles)}.`,
    () =>
      stackedBars(bars, parts, {
        title: "cycles, split by what the slots did",
        share: false,
        unit: "cycles",
        colours: parts.map(colourOf),
        extra: [tick],
      }),
  );
  return chart.element;
}

function policySpeedups(design, rows) {
  const policies = [...new Set(rows.map((row) => row.policy))].map((name) => ({ label: name }));
  const layers = [...new Set(rows.map((row) => row.layer))];
  const values = rows.map((row) => ({
    layer: row.layer,
    at: layers.indexOf(row.layer),
    run: row.policy,
    r: policies.findIndex((policy) => policy.label === row.policy),
    value: row.speedup,
    text: `${shown(row.speedup)} x`,
  }));
  const chart = new Chart(`${design}: speed-up per layer`);
  const best = [...rows].sort((a, b) => b.speedup - a.speedup)[0];
  chart.update(
    best
      ? `Largest: ${best.policy} on ${best.layer}, ${shown(best.speedup)} times as fast as ` +
          `${policies[0].label}. The numbers are in the table below.`
      : "No layers.",
    best
      ? () =>
          groupedBars(values, policies, {
            title: `times as fast as ${label(policies[0].label)}`,
            tip: "speed-up",
            rule: 1,
          })
      : null,
  );
  return chart.element;
}
