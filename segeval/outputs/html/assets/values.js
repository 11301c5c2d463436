"use strict";
// The facts of the page: what stands in #facts, decoded. Nothing in it is code.
const facts = JSON.parse(document.getElementById("facts").textContent);
const byId = (id) => document.getElementById(id);
const UNDEFINED = "–";

// Vega-Lite writes names into expressions, whose parser takes no line separators.
const onALine = (text) => text.replace(/[\u2028\u2029]/g, "\u21b5");
for (const line of [...(facts.lines || []), ...((facts.confusion || {}).labels || [])]) line.text = onALine(line.text);

function decoded(column) {
  const text = atob(column.values), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return column.type === "f4" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}

for (const column of facts.columns || []) column.numbers = decoded(column);

// Of one line (label) and column: a number per case, NaN where there is none.
function valuesOf(line, column) {
  const size = facts.cases.length;
  return column.numbers.subarray(line * size, (line + 1) * size);
}

// As every output for people writes numbers: four decimals, one from 100 on, two digits for the very small and large.
function valueText(value, whole) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNDEFINED;
  if (whole) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
  return size >= 100 ? value.toFixed(1) : value.toFixed(4);
}

const signedText = (value) => (value > 0 ? "+" : "") + valueText(value);

const mainColumn = () => Math.max(0, (facts.columns || []).findIndex((column) => column.key === facts.main));
const meanLine = () => facts.lines.findIndex((line) => line.label === "mean");
const labelLines = () => facts.lines.map((line, place) => place).filter((place) => !facts.lines[place].sums_up);
const lineText = (label) => (facts.lines.find((line) => String(line.label) === label) || { text: label }).text;
const isDefined = (value) => value !== undefined && !Number.isNaN(value);

function mean(numbers) {
  return numbers.length ? numbers.reduce((a, b) => a + b, 0) / numbers.length : NaN;
}

function filled(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = text;
    option.selected = String(value) === String(chosen);
    return option;
  }));
}
