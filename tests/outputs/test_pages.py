"""Comparisons and verdicts as pages: in a pipe, in colours, as Markdown, against what they were; and what is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from page_reports import case, report, thirty
from printed import PAIR, SAMPLES, check_golden

from segeval.comparing.paired_reports import compare_reports
from segeval.outputs.comparison_page import page_of_comparison
from segeval.outputs.html import report_page
from segeval.outputs.report_page import page_of_report, render_markdown, render_table
from segeval.outputs.sheet import plain_text

Run = Callable[..., Any]
NAMES = ("liver", "spleen")
WAYS = {"80": {}, "200": {"COLUMNS": "200"}, "80_coloured": {"FORCE_COLOR": "1"}}


@pytest.fixture(autouse=True)
def two_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Liver better than in a by 0.2, spleen worse by a little; one case more in b."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for file, liver, spleen, count in (("a", 0.5, 0.9, 8), ("b", 0.7, 0.88, 9)):
        cases = [case(f"case_{n}", (liver + n / 100, spleen - n / 1000), NAMES) for n in range(count)]
        Path(f"{file}.json").write_text(report(cases).to_json(), encoding="utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_a_comparison(way: str, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setenv(name, value)
    check_golden(f"compare_{way}.txt", segeval("compare", "a.json", "b.json").out)


RULES = ("--require", "mean(liver.dice) >= 0.75", "--require", "mean(spleen.dice) > 0.8", "--warn", "min(dice) > 0.8")


@pytest.mark.parametrize("way", WAYS)
def test_a_verdict(way: str, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setenv(name, value)
    check_golden(f"check_{way}.txt", segeval("check", "b.json", *RULES, "--markdown", "check.md").out)
    check_golden("check.md", Path("check.md").read_text(encoding="utf-8"))


def test_a_challenges_table(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SAMPLES)
    asked = ("score", *PAIR[:2], "--protocol", "lits2017")
    check_golden("challenge.txt", segeval(*asked).out)
    check_golden("challenge.md", segeval(*asked, "--format", "markdown").out)


def test_a_challenges_table_on_the_html_page(segeval: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same numbers as in the table: the Dice of the liver is 0.9395."""
    pytest.importorskip("vl_convert", reason="the extra report is not installed")
    monkeypatch.chdir(SAMPLES)
    segeval("score", *PAIR[:2], "--protocol", "lits2017", "-o", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    section = html[html.index('id="challenge"') :].partition("</section>")[0]
    assert '<th scope="row">liver_dice</th><td class="number">0.9395</td><td class="number">–</td>' in section
    assert 'id="challenge"' not in "".join(report_page(report([case("one", [0.5], [None])])))


def test_of_many_labels_the_first_are_compared_and_what_sums_them_up() -> None:
    """Of 600, 500 and the means, and a line that says so."""
    many = report([case("one", [0.5] * 600, [None] * 600)])
    text = plain_text(page_of_comparison(compare_reports({"a": many, "b": many}, metrics="dice")))
    titles = [line.split()[0] for line in text.splitlines() if line[:1].isdigit() and line.split()[0].isdigit()]
    assert set(map(int, titles)) == set(range(1, 501))
    assert sum(line.startswith("mean ") for line in text.splitlines()) == 2  # of a table in two parts
    assert "… and 100 more rows; --format csv or json has all of them" in text.splitlines()


def test_a_mark_is_of_all_labels_though_the_first_are_shown() -> None:
    """Of 600, the first is the best; the worst is the last, which is not shown."""
    dice = [(999 - n) / 1000 for n in range(600)]
    many = report([case("one", dice, [None] * 600)])
    text = plain_text(page_of_report(replace(many, summary=None)))
    assert "0.9990*" in text
    assert "0.5000 " in text  # label 500
    assert "!" not in text.replace("! worst", "")


def test_a_summary_in_another_order_has_the_same_numbers_beside_its_labels() -> None:
    batch = thirty()
    turned = replace(batch, summary=tuple(reversed(batch.summary or ())))
    for render in (render_table, render_markdown):
        assert sorted(render(turned).splitlines()) == sorted(render(batch).splitlines())
