// The work of single PEs: a map of the grid, and how many PEs have how much.

const NOT_TOLD = "The work of single PEs is not given in this result.";

/** The work of a layer, or of all layers added up where they lie on one grid; null when it is not told. */
function workOf(run, at) {
  if (at >= 0) return run.layers[at].work;
  const works = run.layers.map((layer) => layer.work);
  const shape = (work) => JSON.stringify([work.grid, work.block]);
  if (works.some((work) => !work) || works.some((work) => shape(work) !== shape(works[0]))) return null;
  const cells = works[0].cells.map((_, i) => works.reduce((sum, work) => sum + work.cells[i], 0));
  return { ...works[0], cells, histogram: histogramOf(cells, works[0].block) };
}

function histogramOf(cells, block) {
  const width = Math.floor(cells.reduce((a, b) => Math.max(a, b), 0) / 32) + 1;
  const counts = [];
  for (const cell of cells) {
    const bin = Math.floor(cell / width);
    while (counts.length <= bin) counts.push(0);
    counts[bin]++;
  }
  return { block, width, cells: counts };
}

const blockText = (block) => (block[0] * block[1] === 1 ? "PE" : `block of ${block[0]} x ${block[1]} PEs`);

/** One row per block of PEs: where it is, and its work per PE. */
function blocksOf(work) {
  const [rows, cols] = work.blocks;
  return work.cells.map((cell, i) => {
    const row = Math.floor(i / cols),
      col = i % cols;
    const high = Math.min(work.block[0], work.grid[0] - row * work.block[0]);
    const wide = Math.min(work.block[1], work.grid[1] - col * work.block[1]);
    return { row: row * work.block[0], col: col * work.block[1], slot_cycles: cell, per_pe: cell / (high * wide) };
  });
}

function workSays(work) {
  const perPe = blocksOf(work).map((block) => block.per_pe);
  const most = perPe.reduce((a, b) => Math.max(a, b), 0),
    least = perPe.reduce((a, b) => Math.min(a, b), Infinity);
  const mean = work.cells.reduce((a, b) => a + b, 0) / (work.grid[0] * work.grid[1]);
  return (
    `${shown(work.grid[0] * work.grid[1])} PEs, ${work.grid[0]} x ${work.grid[1]}: ${shown(mean)} slot-cycles of ` +
    `${work.stalls.join(" + ")} each on average, ${shown(least)} at least and ${shown(most)} at most` +
    (mean ? ` (${shown(most / mean)} times the mean).` : ".")
  );
}

function heatMap(given) {
  const strip = given.grid.includes(1); // a line of PEs lies down
  const flip = strip && given.grid[1] === 1;
  return (width) => {
    const work = flip
      ? { ...given, grid: [1, given.grid[0]], block: [1, given.block[0]], blocks: [1, given.blocks[0]] }
      : given;
    const [rows, cols] = work.blocks;
    const cell = Math.max(2, Math.min(36, Math.floor((width - 90) / cols), Math.floor(420 / rows)));
    const height = strip ? 44 : cell * rows;
    const every = (n, room) => Math.max(1, Math.ceil(n / Math.max(1, Math.floor(room / 30))));
    const places = (n, block, room) =>
      Array.from({ length: n }, (_, i) => i * block).filter((_, i) => i % every(n, room) === 0);
    const where = (block) => (strip ? { PE: block.row + block.col } : { "PE row": block.row, "PE column": block.col });
    const values = blocksOf(work).map((block) => ({
      ...block,
      tip: { ...where(block), "slot-cycles per PE": shown(block.per_pe) },
    }));
    const axis = (n, block) => ({ values: places(n, block, n * cell), labelAngle: 0, ticks: false, domain: false });
    return {
      width: cell * cols,
      height,
      autosize: { type: "pad" },
      data: { values },
      mark: { type: "rect", stroke: cell > 5 ? "#ffffff" : null, strokeWidth: 0.5 },
      encoding: {
        x: { field: "col", type: "ordinal", title: strip ? "PE" : "PE column", axis: axis(cols, work.block[1]) },
        y: {
          field: "row",
          type: "ordinal",
          title: strip ? null : "PE row",
          axis: strip ? null : axis(rows, work.block[0]),
        },
        color: {
          field: "per_pe",
          type: "quantitative",
          title: "slot-cycles of work per PE",
          scale: { scheme: DATA.sequential, domainMin: 0 },
          legend: {
            orient: "bottom",
            direction: "horizontal",
            gradientLength: Math.min(220, width - 60),
            titleLimit: 260,
            format: "~s",
          },
        },
        tooltip: { field: "tip", type: "nominal" },
      },
    };
  };
}

function loadHistogram(work) {
  const { width, cells, block } = work.histogram;
  const of = blockText(block);
  const values = cells.map((n, i) => ({
    from: i * width,
    to: (i + 1) * width,
    n,
    tip: {
      "slot-cycles": width === 1 ? shown(i) : `${shown(i * width)} to ${shown((i + 1) * width - 1)}`,
      [`${of}s`]: shown(n),
    },
  }));
  return {
    height: 240,
    data: { values },
    mark: { type: "bar", color: DATA.series[0] },
    encoding: {
      x: {
        field: "from",
        type: "quantitative",
        bin: "binned",
        title: `slot-cycles of work of a ${of}`,
        axis: SHORT_NUMBERS,
      },
      x2: { field: "to" },
      y: {
        field: "n",
        type: "quantitative",
        title: block[0] * block[1] === 1 ? "number of PEs" : "number of blocks",
        axis: { ...SHORT_NUMBERS, tickMinStep: 1 },
        scale: { domainMin: 0 },
      },
      tooltip: { field: "tip", type: "nominal" },
    },
  };
}

/** Map and histogram of one run side by side, with a choice of the layer. */
function loadCharts(run) {
  const options = [WHOLE, ...run.layers.map((layer) => layer.name)];
  const numbers = (work) =>
    tableOf("Work of the PEs", "pe_work.csv", blocksOf(work), [
      { name: "row", title: "PE row" },
      { name: "col", title: "PE column" },
      { name: "slot_cycles", title: "slot-cycles" },
      { name: "per_pe", title: "per PE" },
    ]);
  const first = workOf(run, -1) ? -1 : run.layers.findIndex((layer) => layer.work);
  let at = first;
  const map = new Chart(`${run.label}: work on the PE grid`, { canvas: true });
  const histogram = new Chart(`${run.label}: PEs by work`);
  const show = () => {
    const work = workOf(run, at);
    const where = at < 0 ? "All layers" : `Layer ${run.layers[at].name}`;
    const missing = at < 0 ? "the layers lie on different grids; choose one layer" : NOT_TOLD;
    map.update(`${where}: ${work ? workSays(work) : missing}`, work && heatMap(work));
    histogram.update(work ? `${where}; even work would be one bar.` : missing, work && (() => loadHistogram(work)));
    map.offer(work && (() => numbers(work)));
  };
  show();
  return el(
    "div",
    {},
    el(
      "div",
      { class: "bar" },
      picker(`Layer of ${run.label}`, options, first + 1, (i) => {
        at = i - 1;
        show();
      }),
    ),
    el("div", { class: "pair" }, map.element, histogram.element),
  );
}
