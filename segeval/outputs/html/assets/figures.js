// Every chart of the page as a figure for a paper: what charts.js would draw, on white, gathered in `figures`.
const figures = [];
const LIGHT = { page: "#ffffff", text: "#1b1f24", quiet: "#57606a", line: "#d0d7de", point: "#0072b2", other: "#d55e00", mark: "#1b1f24", reference: "#0072b2", prediction: "#d55e00", good: "#116329", bad: "#a40e26" };
let suffix = "";

colour = (name) => LIGHT[name];
draw = (id, spec, words) => {
  const sized = { $schema: SCHEMA, width: id === "heat" || id === "distribution" || id === "by-label" ? 640 : 420, description: words, ...spec, background: "#ffffff" };
  figures.push({ name: id + suffix, spec: { ...sized, config: { ...look(), background: "#ffffff" } } });
};

leaveOut = () => undefined;

function everyFigure() {
  if (facts.kind === "comparison") {
    facts.reports.slice(1).forEach((name, other) => {
      suffix = facts.reports.length > 2 ? `-${other + 1}` : "";
      if (facts.columns.length) { byLabel(other); byCase(other, Math.max(0, meanLine())); }
    });
    return;
  }
  const column = facts.columns[mainColumn()];
  if (column && facts.cases.length > 1) {
    heat("heat", column);
    distribution("distribution", column);
    for (const line of labelLines()) { suffix = "-" + facts.lines[line].text; sizeCharts(line); }
  }
  suffix = "";
  confusionChart();
  facts.curves.forEach((curve, place) => { suffix = "-" + curve.text; curveCharts(place); });
  for (const target of new Set(facts.instances.map((each) => String(each.target)))) { suffix = "-" + lineText(target); instanceCharts(target); }
}

everyFigure();
JSON.stringify(figures);
