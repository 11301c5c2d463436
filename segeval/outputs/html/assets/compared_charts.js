// The charts of a comparison: differences by label, and case by case.
const VERDICTS = { better: "good", worse: "bad", "": "quiet" };

function byLabel(other) {
  const rows = facts.rows[other].map((row, place) => ({ ...row, label: facts.lines[place].text, text: row.difference === null ? UNDEFINED : signedText(row.difference) })).filter((row) => row.difference !== null);
  const y = { field: "label", type: "nominal", sort: rows.map((row) => row.label), title: null }, title = `difference of ${facts.main}: ${facts.reports[other + 1]} − ${facts.reports[0]}`;
  const color = { field: "verdict", type: "nominal", scale: { domain: Object.keys(VERDICTS), range: Object.values(VERDICTS).map(colour) }, legend: null }, shape = { field: "verdict", type: "nominal", scale: { domain: Object.keys(VERDICTS), range: ["triangle-right", "triangle-left", "circle"] }, legend: null };
  draw("by-label", { height: rows.length * (rows.length > 40 ? 18 : 30), layer: [
    { data: { values: [{ x: 0 }] }, mark: { type: "rule", color: colour("quiet"), strokeDash: [4, 4] }, encoding: { x: { field: "x", type: "quantitative" } } },
    { data: { values: rows }, mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: { field: "low", type: "quantitative", title }, x2: { field: "high" }, color } },
    { data: { values: rows }, mark: { type: "point", filled: true, size: 90 }, encoding: { y, x: { field: "difference", type: "quantitative" }, color, shape, tooltip: ["label", "text", "wins", "ties", "losses", "verdict"].map((field) => ({ field })) } },
  ] }, `Mean difference of every label with its 95 % interval; a triangle where the interval excludes zero: to the right better, to the left worse.`);
}

function byCase(other, line) {
  const [before, after] = [facts.columns[0], facts.columns[other + 1]].map((column) => valuesOf(line, column)), sign = facts.columns[0].sign || 1, rows = [];
  facts.cases.forEach((name, place) => {
    const difference = after[place] - before[place];
    if (isDefined(difference)) rows.push({ case: name, difference, text: `${valueText(before[place])} → ${valueText(after[place])}`, change: signedText(difference), verdict: difference * sign > 0 ? "better" : difference * sign < 0 ? "worse" : "" });
  });
  rows.sort((a, b) => a.difference - b.difference || (a.case < b.case ? -1 : 1)).forEach((row, place) => { row.place = place + 1; });
  const shown = thinned(rows), row = facts.rows[other][line], x = { field: "place", type: "quantitative", title: "cases, by difference", scale: { nice: false }, axis: { tickMinStep: 1 } };
  const color = { field: "verdict", type: "nominal", scale: { domain: Object.keys(VERDICTS), range: Object.values(VERDICTS).map(colour) }, legend: null };
  const interval = row && row.low !== null ? [row] : [];
  draw("by-case", { height: 280, layer: [
    { data: { values: interval }, mark: { type: "rect", color: colour("point"), opacity: 0.18 }, encoding: { y: { field: "low", type: "quantitative" }, y2: { field: "high" } } },
    { data: { values: interval }, mark: { type: "rule", color: colour("point") }, encoding: { y: { field: "difference", type: "quantitative" } } },
    { data: { values: [{ y: 0 }] }, mark: { type: "rule", color: colour("quiet"), strokeDash: [4, 4] }, encoding: { y: { field: "y", type: "quantitative" } } },
    { data: { values: shown }, mark: { type: "circle", size: 50, opacity: 0.8 }, encoding: { x, y: { field: "difference", type: "quantitative", title: `difference of ${facts.main}` }, color, tooltip: [{ field: "case" }, { field: "text", title: facts.main }, { field: "change", title: "difference" }] } },
  ] }, `${facts.lines[line].text}: ${rows.filter((r) => r.verdict === "better").length} of ${rows.length} cases better, ${rows.filter((r) => r.verdict === "worse").length} worse; the band is the 95 % interval of the mean difference.` + (shown.length < rows.length ? ` ${shown.length} cases are shown.` : ""));
}
