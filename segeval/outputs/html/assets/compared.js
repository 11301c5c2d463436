// The controls of a comparison's page.
function compared() {
  const report = byId("report"), label = byId("difference-label"), lines = facts.lines.map((line, place) => [place, line.text]), mid = Math.max(0, meanLine());
  filled(report, facts.reports.slice(1).map((name, place) => [place, name]), 0);
  filled(label, lines, mid);
  if (!facts.columns.length) return;
  const again = () => { byLabel(Number(report.value), label); byCase(Number(report.value), Number(label.value)); };
  report.addEventListener("change", again);
  label.addEventListener("change", again);
  again();
}

if (facts.kind === "comparison") compared();
