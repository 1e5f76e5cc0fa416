// Puts the page together: sections from the data, links to them, and the charts one after the other.

function build() {
  const counts = [
    [DATA.groups.flatMap((group) => group.runs).length, "run"],
    [DATA.sweeps.length, "sweep"],
    [DATA.sweeps.reduce((sum, sweep) => sum + sweep.points, 0), "point"],
    [DATA.comparisons.length, "comparison"],
  ];
  document.getElementById("about").textContent = `${counts
    .filter(([n]) => n)
    .map(([n, word]) => plural(n, word))
    .join(", ")}.`;
  document.getElementById("made").textContent = `Made by accelsim ${DATA.accelsim}. One file: it needs no network.`;
  document.getElementById("notes").append(...DATA.notes.map((note) => el("li", {}, note)));
  const main = document.getElementById("content");
  const sections = [
    ...DATA.sweeps.map(sweepSection),
    ...DATA.groups.map(runsSection),
    ...DATA.comparisons.map(comparisonSection),
  ];
  sections.forEach((section, i) => {
    section.id = `section-${i}`;
    main.append(section);
    document
      .getElementById("sections")
      .append(el("li", {}, el("a", { href: `#section-${i}` }, section.querySelector("h2").textContent)));
  });
}

const started = performance.now();
build();
document.documentElement.dataset.ready = String(Math.round(performance.now())); // tables and controls work from here on
await run();
document.documentElement.dataset.drawn = String(Math.round(performance.now()));
document.documentElement.dataset.took = String(Math.round(performance.now() - started));
