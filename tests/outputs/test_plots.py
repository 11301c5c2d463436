"""Charts as files: what the page would draw, with the values of the report in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from page_reports import case, report, thirty

pytest.importorskip("vl_convert", reason="the extra report is not installed")
pytest.importorskip("quickjs", reason="the extra report is not installed")

from segeval.comparing.paired_reports import compare_reports
from segeval.outputs.html.compared import comparison_facts
from segeval.outputs.html.facts import report_facts
from segeval.outputs.html.plots import plots_of, write_plots


def values(specification: Any) -> list[list[dict[str, Any]]]:
    """Of every layer."""
    layers = specification.get("layer", [specification])
    return [layer["data"]["values"] for layer in layers]


def test_every_chart_of_a_batch_is_there_with_its_values() -> None:
    plots = {plot.name: plot.specification for plot in plots_of(report_facts(thirty()))}
    assert list(plots) == [
        "heat", "distribution", "dice-by-volume-1 liver", "bland-altman-1 liver", "dice-by-volume-2 spleen",
        "bland-altman-2 spleen", "confusion-chart",
    ]  # fmt: skip
    boxes, *_, points = values(plots["distribution"])
    assert len(points) == 60
    liver = next(box for box in boxes if box["label"] == "1 liver")
    # Dice 0.5, 0.51 … 0.79: quartiles at places 7.25, 14.5 and 21.75.
    found = [liver[name] for name in ("low", "q1", "median", "q3", "high")]
    assert found == pytest.approx([0.5, 0.5725, 0.645, 0.7175, 0.79], abs=1e-6)
    zero, limits, _, dots = values(plots["bland-altman-2 spleen"])
    assert zero == [{"y": 0}]
    assert {dot["difference"] for dot in dots} == {2.0}  # 22 ml for 20 ml, in every case
    assert [limit["y"] for limit in limits] == [2.0, 2.0, 2.0]
    (cells,) = values(plots["confusion-chart"])
    shares = {(cell["reference"], cell["prediction"]): cell["share"] for cell in cells}
    assert shares["1 liver", "2 spleen"] == pytest.approx(0.08)
    assert shares["1 liver", "background"] == pytest.approx(0.02)


def test_the_charts_of_a_comparison() -> None:
    better = report([case(f"case_{n:02}", (0.6 + n / 100, 0.9 - n / 100), ("liver", "spleen")) for n in range(30)])
    comparison = compare_reports({"a": thirty(), "b": better})
    plots = {plot.name: plot.specification for plot in plots_of(comparison_facts(comparison, [thirty(), better]))}
    assert list(plots) == ["by-label", "by-case"]
    *_, dots = values(plots["by-case"])
    assert [dot["difference"] for dot in dots] == pytest.approx([0.05] * 30, abs=1e-6)
    *_, labels = values(plots["by-label"])
    assert [(row["label"], row["verdict"]) for row in labels][:2] == [("1 liver", "better"), ("2 spleen", "")]


def test_the_smallest_change_of_a_case_is_one() -> None:
    """As float32 both values are 0.9."""
    first, second = (report([case("a", (dice,), ("liver",))]) for dice in (0.9, 0.9 + 1e-9))
    plots = {
        plot.name: plot.specification
        for plot in plots_of(comparison_facts(compare_reports({"a": first, "b": second}), [first, second]))
    }
    (dot,) = values(plots["by-case"])[-1]
    assert (dot["verdict"], dot["change"]) == ("better", "+1.0e-09")
    assert {row["text"] for row in values(plots["by-label"])[-1]} == {"+1.0e-09"}


def test_a_case_that_a_third_report_lacks_is_drawn_of_the_others() -> None:
    better = report([case(f"case_{n:02}", (0.6 + n / 100, 0.9), ("liver", "spleen")) for n in range(30)])
    reports = {"a": thirty(), "b": better, "c": report([case("case_07", (0.5, 0.5), ("liver", "spleen"))])}
    plots = plots_of(comparison_facts(compare_reports(reports), list(reports.values())))
    assert len(values(plots[1].specification)[-1]) == 30  # b against a


def test_the_limits_of_small_volumes_are_no_zero() -> None:
    small = [case(f"case_{n}", (0.5,), ("lesion",)) for n in range(4)]
    small = [
        replace(one, rows=tuple(replace(row, values={**row.values, "pred_volume_ml": 10.0016}) for row in one.rows))
        for one in small
    ]
    plots = {plot.name: plot.specification for plot in plots_of(report_facts(report(small)))}
    _, _, limits, dots = values(plots["bland-altman-1 lesion"])
    assert limits[0]["name"] == "mean +0.0016"
    assert dots[0]["change"] == "+0.0016"


def test_files_of_names_from_outside(tmp_path: Path) -> None:
    """What is in them is text; where they lie is the folder."""
    made = report([case(name, (0.5, 0.6), ("../x", "</text><script>")) for name in ("a", "b")])
    write_plots(tmp_path / "figures", report_facts(made))
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {f"dice-by-volume-1-..-x.{ending}" for ending in ("svg", "png", "pdf")} <= names
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]
    text = (tmp_path / "figures/distribution.svg").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;/text" in text
