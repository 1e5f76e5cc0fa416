// What every chart has: a figure with a title, a sentence that says the same, the numbers as a table, and its turn.

const DATA = JSON.parse(document.getElementById("data").textContent);
const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';
const LINE = "#5f6368";
const waiting = []; // charts not drawn yet, first come first drawn
let ids = 0;

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const ratio = (part, whole) => (whole ? part / whole : 0);
const plural = (n, word) => `${shown(n)} ${word}${n === 1 ? "" : "s"}`;
const colourOf = (name) => DATA.colours[name];
const seriesOf = (names) => names.map((_, i) => DATA.series[i % DATA.series.length]);

/**
 * A name as charts get it: on one line. Vega-Lite puts the values of orders and domains into expressions as strings of
 * JSON, which its parser reads back, except for line breaks that JSON allows and expressions do not.
 */
const label = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");

/** Axis numbers as 20k or 3M, and small ones as they are. */
const SHORT_NUMBERS = { labelExpr: "format(datum.value, abs(datum.value) < 1 ? '~g' : '~s')" };

function themed(spec, width) {
  const narrow = width < 560;
  return {
    width: "container",
    autosize: { type: "fit-x", contains: "padding" },
    background: "#ffffff",
    ...spec,
    config: {
      font: FONT,
      axis: {
        labelFontSize: 12,
        titleFontSize: 12,
        titleFontWeight: 600,
        labelColor: "#202124",
        titleColor: "#202124",
        gridColor: "#e3e5e8",
        domainColor: LINE,
        tickColor: LINE,
        labelOverlap: "greedy",
      },
      axisY: { labelLimit: narrow ? 110 : Math.min(420, Math.floor(width * 0.36)), labelOverlap: "parity" },
      axisX: { tickCount: narrow ? 4 : 8 },
      legend: {
        orient: "bottom",
        direction: "horizontal",
        columns: narrow ? 2 : Math.max(2, Math.floor(width / 190)),
        labelLimit: narrow ? Math.floor((width - 130) / 2) - 24 : 240,
        labelFontSize: 12,
        titleFontSize: 12,
        symbolStrokeWidth: 0.6,
        symbolSize: 110,
      },
      view: { stroke: null },
      bar: { stroke: "#ffffff", strokeWidth: 0.6 },
      ...spec.config,
    },
  };
}

/** The place of a chart: its title and sentence, room for the drawing, its numbers on demand. */
class Chart {
  constructor(title, { canvas = false, numbers = null, controls = [] } = {}) {
    this.canvas = canvas;
    this.caption = el("p", { class: "says", id: `says-${++ids}` });
    this.drawing = el("div", { class: "drawing" });
    this.heading = el("h4", { id: `title-${ids}` }, title);
    this.element = el(
      "figure",
      { "aria-labelledby": this.heading.id, "aria-describedby": this.caption.id },
      el("figcaption", {}, this.heading, this.caption),
      controls.length ? el("div", { class: "bar" }, controls) : null,
      this.drawing,
    );
    this.offer(numbers);
  }

  /** Have the table that `numbers()` describes under the chart, made when it is opened; none for null. */
  offer(numbers) {
    this.details?.remove();
    this.details = numbers && el("details", {}, el("summary", {}, "Numbers of this chart"));
    this.details?.addEventListener("toggle", () => this.details.append(new DataTable(numbers()).element), {
      once: true,
    });
    if (this.details) this.element.append(this.details);
  }

  /** Say `sentence`, and draw `spec` (made when its turn comes, for the width there is). */
  update(sentence, spec) {
    this.caption.textContent = sentence;
    this.spec = spec;
    if (!spec) this.drawing.replaceChildren();
    else if (!waiting.includes(this)) waiting.push(this);
    this.drawing.classList.toggle("empty", !spec);
    if (running) run();
  }

  async draw() {
    const width = this.drawing.clientWidth || 640;
    const made = this.spec(width);
    this.drawing.classList.toggle("empty", !made);
    if (!made) return; // nothing in it to draw
    const spec = {
      ...themed(made, width),
      description: `${this.heading.textContent}. ${this.caption.textContent}`,
    };
    const drawn = await vegaEmbed(this.drawing, spec, {
      mode: "vega-lite",
      actions: false,
      ast: true,
      renderer: this.canvas ? "canvas" : "svg",
      tooltip: { theme: "light" },
      logLevel: 1,
      loader: { load: () => Promise.reject(new Error("the page loads nothing")) },
    });
    this.view?.finalize();
    this.view = drawn.view;
    this.element.dataset.drawn = "yes";
  }
}

let running = false;

/** Draw what waits, one chart at a time with pauses for the reader; resolves when none is left. */
async function run() {
  if (run.busy) return run.busy;
  running = true;
  run.busy = (async () => {
    while (waiting.length) {
      const chart = waiting.shift();
      try {
        await chart.draw();
      } catch (error) {
        console.error(error);
        chart.drawing.textContent = "This chart could not be drawn; its numbers are in the tables.";
      }
      await new Promise((resume) => setTimeout(resume));
    }
    run.busy = null;
  })();
  return run.busy;
}

/** A labelled choice; `onpick` gets the index of the option. */
function picker(name, options, at, onpick) {
  const select = el(
    "select",
    { onchange: (event) => onpick(Number(event.target.value)) },
    options.map((option, i) => el("option", { value: i, selected: i === at }, option)),
  );
  return el("label", {}, `${name} `, select);
}

/** A table of plain objects under their keys. */
function tableOf(title, file, rows, columns) {
  return { title, file, columns, count: rows.length, cell: (row, c) => rows[row][columns[c].name] };
}
