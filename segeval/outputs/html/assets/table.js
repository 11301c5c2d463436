// The table of cases: sorts, filters, pages.
const PER_PAGE = 25;
const state = { line: 0, sort: null, ascending: true, page: 0, text: "", column: 0, low: null, high: null, chosen: null };
const tableColumns = () => { const main = mainColumn(), every = facts.columns.map((_, place) => place); const first = every.filter((place) => place === main || facts.columns[place].main); return (first.length > 1 ? first : every).slice(0, 9); };

function worstLabel(place, column) {
  let found = null;
  for (const line of labelLines()) {
    const value = valuesOf(line, column)[place];
    if (isDefined(value) && (found === null || value * column.sign < found.value * column.sign)) found = { line, value };
  }
  return found && column.sign ? `${facts.lines[found.line].text}: ${valueText(found.value, column.whole)}` : "";
}

function orderedCases() {
  const text = state.text.toLowerCase(), filter = facts.columns[state.column];
  const limits = filter ? valuesOf(state.line, filter) : null, wanted = [];
  // 0.9 as a float32 lies below 0.9: a limit is one, too, so that the value at it stays.
  const [low, high] = [state.low, state.high].map((limit) => (limit !== null && filter && filter.type === "f4" ? Math.fround(limit) : limit));
  for (let place = 0; place < facts.cases.length; place++) {
    if (text && !facts.cases[place].toLowerCase().includes(text)) continue;
    if (low !== null && !(limits[place] >= low)) continue;
    if (high !== null && !(limits[place] <= high)) continue;
    wanted.push(place);
  }
  if (state.sort === "case") return wanted.sort((a, b) => (facts.cases[a] < facts.cases[b] ? -1 : 1) * (state.ascending ? 1 : -1));
  const column = facts.columns[state.sort ?? mainColumn()];
  if (!column) return wanted;
  const values = valuesOf(state.line, column), sign = state.ascending ? 1 : -1;
  const failed = (place) => facts.status[place] !== "ok" && state.sort === null;
  return wanted.sort((a, b) => {
    if (failed(a) !== failed(b)) return failed(a) ? -1 : 1;
    const [x, y] = [values[a], values[b]];
    if (isDefined(x) !== isDefined(y)) return isDefined(x) ? -1 : 1;
    return isDefined(x) && x !== y ? (x - y) * sign : a - b;
  });
}

function cell(kind, text, number) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (number) made.className = "number";
  return made;
}

function showTable() {
  const table = byId("table"), columns = tableColumns(), wanted = orderedCases(), pages = Math.max(1, Math.ceil(wanted.length / PER_PAGE));
  if (state.chosen !== null && wanted.includes(state.chosen)) state.page = Math.floor(wanted.indexOf(state.chosen) / PER_PAGE);
  state.page = Math.min(state.page, pages - 1);
  const head = document.createElement("tr"), main = facts.columns[mainColumn()];
  head.append(...[["case", "case", false], ...columns.map((place) => [place, facts.columns[place].title, true])].map(([key, title, number]) => heading(key, title, number)));
  if (main) head.append(cell("th", `worst label by ${main.title}`));
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...wanted.slice(state.page * PER_PAGE, (state.page + 1) * PER_PAGE).map((place) => {
    const row = document.createElement("tr"), name = cell("th", facts.cases[place]);
    name.scope = "row";
    row.append(name);
    row.dataset.case = facts.cases[place];
    if (place === state.chosen) row.className = "chosen";
    if (facts.status[place] !== "ok" && facts.reasons[place]) {
      const reason = cell("td", `${facts.status[place]}: ${facts.reasons[place]}`);
      reason.colSpan = columns.length + 1;
      row.append(reason);
      return row;
    }
    row.append(...columns.map((at) => cell("td", valueText(valuesOf(state.line, facts.columns[at])[place], facts.columns[at].whole), true)));
    if (main) row.append(cell("td", worstLabel(place, main)));
    return row;
  }));
  byId("table-count").textContent = wanted.length === facts.cases.length ? `${wanted.length} cases` : `${wanted.length} of ${facts.cases.length} cases`;
  byId("page-of").textContent = `page ${state.page + 1} of ${pages}`;
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = state.page >= pages - 1;
}

function heading(key, title, number) {
  const made = cell("th", "", number), button = document.createElement("button"), sorted = state.sort === key || (state.sort === null && key === mainColumn());
  button.type = "button";
  button.textContent = title + (sorted ? (state.ascending ? " ▲" : " ▼") : "");
  made.scope = "col";
  made.setAttribute("aria-sort", sorted ? (state.ascending ? "ascending" : "descending") : "none");
  made.dataset.key = key;
  button.addEventListener("click", () => {
    state.ascending = state.sort === key || sorted ? !state.ascending : true;
    Object.assign(state, { sort: key, page: 0, chosen: null });
    showTable();
    byId("table").querySelector(`th[data-key="${key}"] button`).focus();
  });
  made.append(button);
  return made;
}

// To the case's row and, where there are some, its pictures.
function goTo(name) {
  const place = facts.cases.indexOf(name);
  if (place < 0 || !byId("table")) return;
  byId("filters").reset();
  Object.assign(state, { chosen: place, text: "", low: null, high: null });
  showTable();
  document.querySelectorAll(".picture").forEach((each) => each.classList.toggle("chosen", each.dataset.case === name));
  const picture = [...document.querySelectorAll(".picture")].find((each) => each.dataset.case === name);
  (picture || byId("table").querySelector("tr.chosen") || byId("table")).scrollIntoView({ block: "center" });
}
