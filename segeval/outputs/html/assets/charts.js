// Charts of Vega-Lite. Its expressions are interpreted (ast), as the page's policy allows no code that is made of text.
const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json";
const DENSE = 4000; // points that a chart shows one by one
const LOG_AXIS = { format: "~s", tickCount: 4, labelOverlap: "greedy" };
const drawn = new Map();

let colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function look() {
  const text = colour("text"), quiet = colour("quiet"), line = colour("line");
  return {
    background: null, font: getComputedStyle(document.body).fontFamily,
    axis: { labelColor: text, titleColor: quiet, gridColor: line, domainColor: line, tickColor: line, labelLimit: 180, tickCount: 6, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
    legend: { labelColor: text, titleColor: quiet, labelFontSize: 12, titleFontWeight: "normal" },
    title: { color: text, anchor: "start", fontSize: 13 }, view: { stroke: null }, point: { size: 36 }, mark: { aria: false }, // the description says it; thousands of marks do not
  };
}

// Draws (or draws anew) the chart of a figure. words: what it shows, for everybody.
let draw = (id, spec, words, onCase) => {
  const figure = byId(id);
  if (!figure) return;
  const target = figure.querySelector(".chart");
  figure.querySelector("figcaption").textContent = words;
  delete target.dataset.ready;
  drawn.set(id, () => draw(id, spec, words, onCase));
  const whole = { $schema: SCHEMA, width: "container", description: words, ...spec, config: look() };
  if (whole.width === "container") whole.autosize = { type: "fit-x", contains: "padding" };
  return vegaEmbed(target, whole, { actions: false, ast: true, renderer: "svg", tooltip: { theme: "custom", sanitize: (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;") } })
    .then((result) => {
      result.view.addEventListener("click", (event, item) => {
        if (item && item.datum && item.datum.case && onCase) onCase(item.datum.case);
      });
      target.dataset.ready = "yes";
    })
    .catch((problem) => { target.textContent = "This chart cannot be drawn: " + problem.message; });
};

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((again) => again()));

// There is nothing to draw, which words say.
let leaveOut = (id, words) => {
  const figure = byId(id), target = figure.querySelector(".chart");
  target.replaceChildren();
  target.dataset.ready = "yes";
  figure.querySelector("figcaption").textContent = words;
  drawn.delete(id);
};

// A number between -1 and 1 that depends on the place alone, so that points lie apart and the page is always the same.
const apart = (place) => ((place * 0.61803398875) % 1) * 2 - 1;
const tooltipOf = (title) => [{ field: "case", title: "case" }, { field: "label", title: "label" }, { field: "text", title }];

function distribution(id, column, onCase) {
  const lines = labelLines(), names = lines.map((line) => facts.lines[line].text), boxes = [], points = [];
  for (const line of lines) {
    const values = valuesOf(line, column), label = facts.lines[line].text;
    const defined = Array.from(values).filter(isDefined).sort((a, b) => a - b);
    if (!defined.length) continue;
    const at = (share) => { const p = (defined.length - 1) * share, i = Math.floor(p); return defined[i] + (p - i) * ((defined[i + 1] ?? defined[i]) - defined[i]); };
    boxes.push({ label, low: defined[0], high: defined[defined.length - 1], q1: at(0.25), q3: at(0.75), median: at(0.5), n: defined.length });
    values.forEach((value, place) => { if (isDefined(value)) points.push({ label, value, place, case: facts.cases[place], text: valueText(value, column.whole), jitter: apart(place) }); });
  }
  if (!points.length) return leaveOut(id, `No case has a value of ${column.title}.`);
  const dense = points.length > DENSE;
  const y = { field: "label", type: "nominal", sort: names, title: null };
  const scale = column.best !== null && column.worst !== null && column.sign ? { domain: [Math.min(column.best, column.worst), Math.max(column.best, column.worst)] } : { zero: false };
  const x = (field) => ({ field, type: "quantitative", scale, title: column.title });
  const layer = [
    { data: { values: boxes }, mark: { type: "rule", color: colour("quiet") }, encoding: { y, x: x("low"), x2: { field: "high" } } },
    { data: { values: boxes }, mark: { type: "bar", size: boxes.length > 40 ? 10 : 16, color: colour("quiet"), opacity: 0.25 }, encoding: { y, x: x("q1"), x2: { field: "q3" } } },
    { data: { values: boxes }, mark: { type: "tick", thickness: 2, size: boxes.length > 40 ? 12 : 20, color: colour("mark") }, encoding: { y, x: x("median"), tooltip: [{ field: "label" }, { field: "median", format: ".4f" }, { field: "q1", format: ".4f" }, { field: "q3", format: ".4f" }, { field: "n" }] } },
  ];
  if (dense) {
    const low = Math.min(...boxes.map((b) => b.low)), high = Math.max(...boxes.map((b) => b.high)), step = (high - low) / 60 || 1, cells = new Map();
    for (const point of points) {
      const bin = Math.min(59, Math.floor((point.value - low) / step)), key = point.label + "\u0000" + bin;
      const cell = cells.get(key) || { label: point.label, value: low + (bin + 0.5) * step, cases: 0 };
      cell.cases += 1;
      cells.set(key, cell);
    }
    layer.push({ data: { values: [...cells.values()] }, mark: { type: "circle", color: colour("point"), opacity: 0.7 }, encoding: { y, x: x("value"), size: { field: "cases", type: "quantitative", scale: { range: [4, 260] }, title: "cases" }, tooltip: [{ field: "label" }, { field: "cases" }] } });
  } else {
    layer.push({ data: { values: points }, mark: { type: "circle", color: colour("point"), opacity: 0.65, cursor: "pointer" }, encoding: { y, x: x("value"), yOffset: { field: "jitter", type: "quantitative", scale: { domain: [-1.6, 1.6] } }, tooltip: tooltipOf(column.title) } });
  }
  const words = `${column.title} of ${boxes.length} labels: box from the first to the third quartile with the median, line from the smallest to the largest value; ` + (dense ? `${points.length} values, counted in 60 steps.` : "every point is a case; a click goes to it.");
  return draw(id, { height: boxes.length * (boxes.length > 40 ? 20 : 34), layer }, words, onCase);
}

function heat(id, column, onCase) {
  const mid = meanLine(), lines = labelLines();
  const score = (place) => { const value = mid >= 0 ? valuesOf(mid, column)[place] : NaN; return isDefined(value) ? value * (column.sign || 1) : Infinity; };
  const scored = facts.cases.map((_, place) => place).filter((place) => score(place) !== Infinity).sort((a, b) => score(a) - score(b) || a - b);
  const most = Math.max(20, Math.min(scored.length, Math.floor(12000 / Math.max(lines.length, 1)), 400)), group = Math.ceil(scored.length / most) || 1, cells = [];
  for (let first = 0; first < scored.length; first += group) {
    const members = scored.slice(first, first + group);
    for (const line of lines) {
      const defined = members.map((place) => valuesOf(line, column)[place]).filter(isDefined);
      if (!defined.length) continue;
      const value = mean(defined), only = members.length === 1;
      cells.push({ x: first, x2: Math.min(first + group, scored.length), label: facts.lines[line].text, value, text: valueText(value, column.whole), case: only ? facts.cases[members[0]] : undefined, cases: only ? facts.cases[members[0]] : `${members.length} cases` });
    }
  }
  if (!cells.length) return leaveOut(id, `No case has a value of ${column.title}.`);
  const bounded = column.best !== null && column.worst !== null && column.sign;
  const scheme = { scheme: "cividis", reverse: column.sign < 0, ...(bounded ? { domain: [Math.min(column.best, column.worst), Math.max(column.best, column.worst)] } : {}) };
  const words = `${column.title} of every label in every case, the worst cases on the left` + (group > 1 ? `; a column is the mean of ${group} cases that follow each other.` : ".");
  return draw(id, {
    height: lines.length * (lines.length > 40 ? 12 : 20), data: { values: cells },
    mark: { type: "rect", cursor: group > 1 ? "default" : "pointer" },
    encoding: {
      x: { field: "x", type: "quantitative", title: `${scored.length} cases, worst first`, scale: { domain: [0, scored.length], nice: false }, axis: { grid: false, tickMinStep: 1 } }, x2: { field: "x2" },
      y: { field: "label", type: "nominal", sort: lines.map((line) => facts.lines[line].text), title: null, axis: lines.length > 40 ? { labelFontSize: 9, labelLimit: 220 } : {} },
      color: { field: "value", type: "quantitative", scale: scheme, title: column.title },
      tooltip: [{ field: "cases", title: "case" }, { field: "label" }, { field: "text", title: column.title }],
    },
  }, words, onCase);
}

function sizeCharts(line, onCase) {
  if (!facts.lines[line]) return ["dice-by-volume", "bland-altman"].forEach((id) => leaveOut(id, "No case has a label."));
  const column = (key) => facts.columns.find((each) => each.key === key);
  const dice = column("dice"), reference = column("ref_volume_ml"), prediction = column("pred_volume_ml"), label = facts.lines[line].text, rows = [];
  if (!dice || !reference || !prediction) return;
  facts.cases.forEach((name, place) => {
    const [d, r, p] = [dice, reference, prediction].map((each) => valuesOf(line, each)[place]);
    if (isDefined(r) && isDefined(p) && r + p > 0) rows.push({ case: name, label, dice: d, reference: r, between: (r + p) / 2, difference: p - r, change: signedText(p - r), text: valueText(d), volume: valueText(r) });
  });
  if (!rows.length) {
    leaveOut("dice-by-volume", `No case has ${label}.`);
    return leaveOut("bland-altman", "");
  }
  const shown = thinned(rows), words = shown.length < rows.length ? ` ${shown.length} of ${rows.length} cases are shown.` : "";
  const tip = [{ field: "case" }, { field: "text", title: "Dice" }, { field: "volume", title: "reference, ml" }, { field: "change", title: "difference, ml" }];
  const there = shown.filter((row) => isDefined(row.dice) && row.reference > 0);
  if (!there.length) leaveOut("dice-by-volume", `No reference has ${label}.`);
  else draw("dice-by-volume", { height: 280, data: { values: there }, mark: { type: "circle", color: colour("point"), opacity: 0.7, size: 45, cursor: "pointer" }, encoding: { x: { field: "reference", type: "quantitative", scale: { type: "log", nice: false }, title: "reference volume, ml (log)", axis: LOG_AXIS }, y: { field: "dice", type: "quantitative", scale: { domain: [0, 1] }, title: "Dice" }, tooltip: tip } }, `Dice of ${label} against the volume of the reference: do small ones fare worse?` + words, onCase);
  const differences = rows.map((row) => row.difference), middle = mean(differences), sd = Math.sqrt(mean(differences.map((d) => (d - middle) ** 2)) * differences.length / Math.max(1, differences.length - 1));
  const limits = rows.length > 1 ? [["mean", middle], ["+1.96 sd", middle + 1.96 * sd], ["−1.96 sd", middle - 1.96 * sd]].map(([name, y]) => ({ name: `${name} ${signedText(y)}`, y })) : [];
  draw("bland-altman", { height: 280, layer: [
    { data: { values: [{ y: 0 }] }, mark: { type: "rule", color: colour("line") }, encoding: { y: { field: "y", type: "quantitative" } } },
    ...(limits.length ? [{ data: { values: limits }, mark: { type: "rule", strokeDash: [5, 4], color: colour("other") }, encoding: { y: { field: "y", type: "quantitative" } } },
    { data: { values: limits }, mark: { type: "text", align: "right", baseline: "bottom", dy: -2, color: colour("text") }, encoding: { y: { field: "y", type: "quantitative" }, x: { value: "width" }, text: { field: "name" } } }] : []),
    { data: { values: shown }, mark: { type: "circle", color: colour("point"), opacity: 0.7, size: 45, cursor: "pointer" }, encoding: { x: { field: "between", type: "quantitative", title: "mean of both volumes, ml", scale: { zero: false } }, y: { field: "difference", type: "quantitative", title: "prediction − reference, ml" }, tooltip: tip } },
  ] }, `Bland–Altman of the volumes of ${label}: ${rows.length} cases, mean difference ${valueText(middle)} ml` + (rows.length > 1 ? `, 95 % of differences within ${valueText(middle - 1.96 * sd)} and ${valueText(middle + 1.96 * sd)} ml if they are normal.` : ".") + words, onCase);
}

// At most so many rows, evenly taken.
function thinned(rows) {
  const step = Math.ceil(rows.length / DENSE) || 1;
  return rows.filter((_, place) => place % step === 0);
}

function confusionChart() {
  const c = facts.confusion;
  if (!c) return;
  const text = new Map(c.labels.map((each) => [each.label, each.text])), order = c.labels.map((each) => each.text);
  const cells = c.cells.map(([r, p, voxels, share]) => ({ reference: text.get(r), prediction: text.get(p), voxels, share, percent: (100 * share).toFixed(2) + " %" }));
  const step = order.length > 40 ? 11 : order.length > 15 ? 20 : 34;
  draw("confusion-chart", { width: { step }, height: { step }, data: { values: cells }, mark: "rect", encoding: {
    x: { field: "prediction", type: "nominal", sort: order, title: "called (prediction)", axis: { labelAngle: -60, orient: "top" } },
    y: { field: "reference", type: "nominal", sort: order, title: "is (reference)" },
    color: { field: "share", type: "quantitative", scale: { type: "pow", exponent: 0.35, scheme: "cividis", domain: [0, 1] }, title: "share", legend: { format: ".0%", values: [0, 0.01, 0.1, 0.5, 1] } },
    tooltip: [{ field: "reference" }, { field: "prediction" }, { field: "percent", title: "share" }, { field: "voxels", format: "," }],
  } }, "Voxels of each label of the reference by what the prediction calls them, as shares of the reference's; values as stored." + (c.left_out ? ` ${c.left_out} smaller labels are left out.` : ""));
}

function curveCharts(place) {
  const curve = facts.curves[place], line = { type: "line", color: colour("point"), interpolate: "linear" }, best = curve.best ? [curve.best] : [];
  const tip = ["threshold", "sensitivity", "precision", "fpr", "dice"].map((field) => ({ field, format: ".4f" }));
  const diagonal = { data: { values: [{ x: 0, y: 0 }, { x: 1, y: 1 }] }, mark: { type: "line", strokeDash: [4, 4], color: colour("quiet") }, encoding: { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } } };
  const square = (x, y, titles, more) => ({ height: 260, layer: [...more, ...[[curve.points, line, true], [best, { type: "point", filled: true, size: 110, color: colour("other") }, true], [curve.chosen ? [curve.chosen] : [], { type: "point", filled: false, strokeWidth: 2, size: 200, color: colour("mark") }, true]].map(([values, mark]) => ({ data: { values }, mark: mark === line ? { ...line, point: false } : mark, encoding: { x: { field: x, type: "quantitative", scale: { domain: [0, 1] }, title: titles[0] }, y: { field: y, type: "quantitative", scale: { domain: [0, 1] }, title: titles[1] }, order: { field: "threshold", type: "quantitative" }, tooltip: tip } }))] });
  const at = (curve.best ? `; the dot is the threshold of the best Dice, ${valueText(curve.best.threshold)} (Dice ${valueText(curve.best.dice)})` : "") + (curve.chosen ? `; the ring is the chosen threshold, ${valueText(curve.chosen.threshold)} (Dice ${valueText(curve.chosen.dice)})` : "");
  draw("roc", square("fpr", "sensitivity", ["1 − specificity", "sensitivity"], [diagonal]), `ROC of ${curve.text}${at}.`);
  draw("precision-recall", square("sensitivity", "precision", ["sensitivity (recall)", "precision"], []), `Precision and recall of ${curve.text}${at}.`);
  draw("reliability", { height: 260, layer: [diagonal, { data: { values: curve.reliability.map((bin) => ({ ...bin, middle: (bin.low + bin.high) / 2 })) }, mark: { type: "point", filled: true, size: 60, color: colour("point") }, encoding: { x: { field: "middle", type: "quantitative", scale: { domain: [0, 1] }, title: "predicted probability" }, y: { field: "share", type: "quantitative", scale: { domain: [0, 1] }, title: "share in the reference" }, tooltip: [{ field: "low", format: ".3f" }, { field: "high", format: ".3f" }, { field: "share", format: ".4f" }, { field: "n", format: "," }] } }] }, `Reliability of ${curve.text}: points below the diagonal are more confident than right.`);
}

function instanceCharts(target) {
  const rows = facts.instances.filter((each) => String(each.target) === String(target)), step = 0.25, bins = new Map();
  for (const row of rows) {
    const low = Math.floor(Math.log10(Math.max(1, row.voxels)) / step) * step, key = low.toFixed(2);
    const bin = bins.get(key) || { from: 10 ** low, to: 10 ** (low + step), found: 0, missed: 0, invented: 0 };
    bin[row.outcome] += row.n;
    bins.set(key, bin);
  }
  const all = [...bins.values()].sort((a, b) => a.from - b.from), total = (outcome) => rows.reduce((sum, row) => sum + (row.outcome === outcome ? row.n : 0), 0);
  const detected = all.filter((bin) => bin.found + bin.missed).map((bin) => ({ ...bin, rate: bin.found / (bin.found + bin.missed), of: bin.found + bin.missed }));
  const x = { field: "from", type: "quantitative", scale: { type: "log", nice: false }, title: "voxels (log)", axis: LOG_AXIS };
  if (!detected.length) leaveOut("detection", "The references have no instance.");
  else draw("detection", { height: 240, data: { values: detected }, mark: { type: "rect", color: colour("point"), stroke: colour("page") }, encoding: { x, x2: { field: "to" }, y: { field: "rate", type: "quantitative", scale: { domain: [0, 1] }, title: "share found" }, y2: { datum: 0 }, tooltip: [{ field: "from", format: ".0f" }, { field: "to", format: ".0f" }, { field: "rate", format: ".3f" }, { field: "of", title: "instances" }] } }, `Detection by size of the reference's instance: ${total("found")} found, ${total("missed")} missed.`);
  const sizes = all.flatMap((bin) => [["missed", 0], ["invented", bin.missed]].map(([outcome, base]) => ({ from: bin.from, to: bin.to, outcome, count: bin[outcome], base, top: base + bin[outcome] }))).filter((entry) => entry.count);
  const sizesWords = `Sizes of the ${total("missed")} missed and ${total("invented")} invented instances.`;
  if (!sizes.length) return leaveOut("instance-sizes", "No instance was missed, and none invented.");
  draw("instance-sizes", { height: 240, data: { values: sizes }, mark: { type: "rect", stroke: colour("page") }, encoding: { x, x2: { field: "to" }, y: { field: "base", type: "quantitative", title: "instances", scale: { zero: true }, axis: { tickMinStep: 1 } }, y2: { field: "top" }, color: { field: "outcome", type: "nominal", scale: { domain: ["missed", "invented"], range: [colour("reference"), colour("prediction")] }, title: null }, tooltip: [{ field: "outcome" }, { field: "from", format: ".0f" }, { field: "to", format: ".0f" }, { field: "count" }] } }, sizesWords);
}
