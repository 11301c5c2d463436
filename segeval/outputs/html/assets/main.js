// What happens when: the controls, and the first drawing.
function statistics() {
  const column = Number(byId("labels-quantity").value), body = byId("statistics").tBodies[0];
  const rows = facts.statistics.filter((entry) => entry[1] === column);
  byId("labels-direction").textContent = { 1: "higher is better", "-1": "lower is better" }[facts.columns[column].sign] || "";
  body.replaceChildren(...rows.map((entry) => {
    const [line, , middle, low, high, , median, , , , , n, undefined_, failed, missing] = entry;
    const row = document.createElement("tr"), name = cell("th", facts.lines[line].label === "mean" ? "mean of the labels" : facts.lines[line].text);
    name.scope = "row";
    row.append(name, ...[valueText(middle), n ? `${valueText(low)} – ${valueText(high)}` : UNDEFINED, valueText(median), n, undefined_, failed, missing].map((text) => cell("td", String(text), true)));
    return row;
  }));
  heat("heat", facts.columns[column], goTo);
}

function listen(id, event, action) {
  const found = byId(id);
  if (found) found.addEventListener(event, action);
}

function number(id) {
  const text = byId(id).value;
  return text === "" ? null : Number(text);
}

function begin() {
  const quantities = facts.columns.map((column, place) => [place, column.title]), lines = facts.lines.map((line, place) => [place, line.text]);
  const first = labelLines()[0] ?? 0, whole = meanLine() >= 0 ? meanLine() : first;
  document.querySelectorAll("select.quantity").forEach((select) => filled(select, quantities, mainColumn()));
  document.querySelectorAll("select.label").forEach((select) => filled(select, lines, select.id === "table-label" ? whole : first));
  state.line = whole;
  state.column = mainColumn();
  const sign = facts.columns.length ? facts.columns[mainColumn()].sign : 1;
  state.ascending = sign >= 0;
  if (byId("statistics") && facts.columns.length) {
    statistics();
    listen("labels-quantity", "change", statistics);
    const spread = () => distribution("distribution", facts.columns[Number(byId("distribution-quantity").value)], goTo);
    if (byId("distribution")) spread();
    listen("distribution-quantity", "change", spread);
  }
  if (byId("size")) sizeCharts(Number(byId("size-label").value), goTo);
  listen("size-label", "change", () => sizeCharts(Number(byId("size-label").value), goTo));
  if (byId("confusion-chart")) confusionChart();
  if (byId("curve-label") && facts.curves.length) {
    filled(byId("curve-label"), facts.curves.map((curve, place) => [place, curve.text]), 0);
    curveCharts(0);
    listen("curve-label", "change", () => curveCharts(Number(byId("curve-label").value)));
  }
  if (byId("instance-label")) {
    const targets = [...new Set(facts.instances.map((each) => String(each.target)))];
    filled(byId("instance-label"), targets.map((target) => [target, lineText(target)]), targets[0]);
    if (targets.length) instanceCharts(targets[0]);
    listen("instance-label", "change", () => instanceCharts(byId("instance-label").value));
  }
  if (!byId("table")) return;
  showTable();
  listen("table-label", "change", () => { state.line = Number(byId("table-label").value); state.page = 0; showTable(); });
  listen("filters", "submit", (event) => event.preventDefault());
  for (const id of ["filter-text", "filter-low", "filter-high", "filter-quantity"]) {
    listen(id, "input", () => {
      Object.assign(state, { text: byId("filter-text").value, low: number("filter-low"), high: number("filter-high"), column: Number(byId("filter-quantity").value), page: 0, chosen: null });
      showTable();
    });
  }
  listen("filters", "reset", () => setTimeout(() => {
    filled(byId("table-label"), lines, state.line);
    filled(byId("filter-quantity"), quantities, mainColumn());
    Object.assign(state, { text: "", low: null, high: null, column: mainColumn(), page: 0 });
    showTable();
  }));
  listen("previous", "click", () => { state.page -= 1; state.chosen = null; showTable(); });
  listen("next", "click", () => { state.page += 1; state.chosen = null; showTable(); });
}

document.querySelectorAll("[data-layer]").forEach((box) => box.addEventListener("change", () => byId("pictures").classList.toggle("hide-" + box.dataset.layer, !box.checked)));
document.querySelectorAll("a[data-case]").forEach((link) => link.addEventListener("click", (event) => { event.preventDefault(); goTo(link.dataset.case); }));
listen("copy-signature", "click", async () => {
  try {
    await navigator.clipboard.writeText(byId("signature").textContent);
    byId("copied").textContent = "copied";
  } catch {
    getSelection().selectAllChildren(byId("signature"));
    byId("copied").textContent = "selected; copy it with the keyboard";
  }
});
if (facts.kind === "report") begin();
