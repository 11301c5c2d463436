"""The page of a report in Chromium: what it shows, what it does; it asks for nothing and runs nothing from outside."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Browser
from msgspec.structs import replace
from page_reports import case, failed, report, thirty

pytest.importorskip("vl_convert", reason="the extra report is not installed")

from segeval.outputs.html import report_page
from segeval.results.report import Report

TABLE = "#table tbody tr"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), thirty())


def written(folder: Path, made: Report, **more: Any) -> Path:
    path = folder / "report.html"
    path.write_text("".join(report_page(made, **more)), encoding="utf-8")
    return path


def shown(browser: Browser) -> list[str]:
    """The cases of the table's page, in order."""
    return browser.texts(f"{TABLE} th[scope=row]")


def test_every_chart_is_drawn_and_described(page: Path, browser: Browser) -> None:
    browser.open(page)
    charts = browser.run(
        "return [...document.querySelectorAll('figure > .chart')].map("
        "e => [e.parentNode.id, e.querySelectorAll('svg path, svg rect').length, e.getAttribute('aria-label')])"
    )
    assert [name for name, *_ in charts] == [
        "heat",
        "distribution",
        "dice-by-volume",
        "bland-altman",
        "confusion-chart",
    ]
    assert all(marks > 5 for _, marks, _ in charts)
    assert all(len(words) > 20 for *_, words in charts)
    assert "cannot be drawn" not in browser.run("return document.body.innerText")


def test_statistics_are_those_of_the_summary(page: Path, browser: Browser) -> None:
    """Dice of the liver: 0.5 … 0.79, whose mean and median are 0.645."""
    browser.open(page)
    assert browser.texts("#statistics tbody tr:first-child > *")[:2] == ["1 liver", "0.6450"]
    cells = browser.texts("#statistics tbody tr:first-child > *")
    assert cells[3:] == ["0.6450", "30", "0", "1", "0"]
    browser.choose("#labels-quantity", "ref. ml")
    assert browser.texts("#statistics tbody tr:nth-child(2) > *")[:2] == ["2 spleen", "20.0000"]


def test_the_table_begins_with_failures_and_the_worst(page: Path, browser: Browser) -> None:
    """By the mean over the labels, which is 0.7 for all of them, so that the order of the cases stands."""
    browser.open(page)
    assert shown(browser)[:2] == ["case_99", "case_00"]
    assert "it ends inside a gzip stream" in browser.texts(TABLE)[0]
    browser.choose("#table-label", "1 liver")
    assert shown(browser)[:3] == ["case_99", "case_00", "case_01"]
    browser.choose("#table-label", "2 spleen")
    assert shown(browser)[:3] == ["case_99", "case_29", "case_28"]


def test_sorting_filtering_and_paging_change_what_is_shown(page: Path, browser: Browser) -> None:
    browser.open(page)
    assert browser.texts("#page-of") == ["page 1 of 2"]
    browser.click("#next")
    assert len(shown(browser)) == 31 - 25
    browser.choose("#table-label", "1 liver")
    browser.click("#table th[data-key='0'] button")  # Dice, descending now
    assert shown(browser)[:2] == ["case_29", "case_28"]
    assert browser.run("return document.querySelector(\"#table th[data-key='0']\").ariaSort") == "descending"
    browser.click("#table th[data-key=case] button")
    assert shown(browser)[:2] == ["case_00", "case_01"]
    browser.fill("#filter-text", "CASE_1")
    assert shown(browser) == [f"case_1{n}" for n in range(10)]
    browser.fill("#filter-low", "0.655")
    assert shown(browser) == ["case_16", "case_17", "case_18", "case_19"]
    browser.fill("#filter-high", "0.675")
    assert shown(browser) == ["case_16", "case_17"]
    assert browser.texts("#table-count") == ["2 of 31 cases"]
    browser.click("#filters button[type=reset]")
    browser.wait("document.getElementById('table-count').textContent === '31 cases'")


def test_a_click_on_a_point_goes_to_its_case(page: Path, browser: Browser) -> None:
    browser.open(page, motion=False)
    assert browser.run("return document.querySelectorAll('#distribution svg .mark-symbol path').length") == 60
    browser.point_at("#distribution svg .mark-symbol path", 12, click=True)
    browser.wait("document.querySelector('#table tr.chosen') !== null")
    assert browser.texts("#table tr.chosen th") == ["case_12"]
    assert browser.run(
        "const row = document.querySelector('#table tr.chosen').getBoundingClientRect();"
        "return row.top > 0 && row.bottom < innerHeight"
    )


def test_dark_is_dark_and_light_is_light(page: Path, browser: Browser) -> None:
    def colours() -> tuple[Any, ...]:
        return tuple(
            browser.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color,"
                        " document.querySelector('#distribution svg text').getAttribute('fill')]")
        )  # fmt: skip

    browser.open(page)
    light = colours()
    browser.open(page, dark=True)
    dark = colours()
    assert light == ("rgb(255, 255, 255)", "rgb(27, 31, 36)", "#1b1f24")
    assert dark == ("rgb(20, 23, 28)", "rgb(232, 235, 239)", "#e8ebef")
    browser.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    )
    browser.wait("document.querySelector('#distribution svg text').getAttribute('fill') === '#1b1f24'")


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_is_wider_than_the_window(width: int, page: Path, browser: Browser) -> None:
    browser.open(page, width=width)
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_what_is_printed_has_no_controls(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    hidden = browser.run(
        "return ['nav', '#filters', '.pages'].map(e => getComputedStyle(document.querySelector(e)).display)"
    )
    assert hidden == ["none"] * 3
    assert len(browser.driver.print_page()) > 10_000
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_where_nothing_can_be_drawn_words_say_so(tmp_path: Path, browser: Browser) -> None:
    """All cases failed; a label that no volume has; every chart asked for again."""
    browser.open(written(tmp_path, report([failed("a", "cut"), failed("b", "cut")])))
    assert browser.texts(f"{TABLE} td") == ["error: cut", "error: cut"]
    nowhere = case("c", (math.nan,), ("liver",))
    rows = (replace(nowhere.rows[0], values={"dice": math.nan, "ref_volume_ml": 0.0, "pred_volume_ml": 0.0, "tp": 0}),)
    browser.open(written(tmp_path, report([replace(nowhere, rows=rows, confusion=())])))
    browser.run("document.querySelectorAll('select').forEach(s => s.dispatchEvent(new Event('change')))")
    browser.wait_for_charts()
    assert browser.texts("#distribution figcaption") == ["No case has a value of Dice."]
    assert browser.texts("#dice-by-volume figcaption") == ["No case has 1 liver."]


def test_the_signature_can_be_copied(tmp_path: Path, browser: Browser) -> None:
    browser.open(written(tmp_path, report([case("a", (0.5,), (None,))] * 1, "segeval:1|labels:1,2")))
    browser.click("details.signature summary")
    browser.click("#copy-signature")
    browser.wait("document.getElementById('copied').textContent !== ''")
    assert browser.texts("#signature") == ["segeval:1|labels:1,2"]


def test_the_page_refuses_code_that_is_made_of_text(page: Path, _driver: Any) -> None:
    """Not what a driver runs, which stands above the policy, but what the page would run itself. Complaints are due."""
    browser = Browser(_driver)
    browser.open(page)
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.inline = 1';"
        "document.body.append(script); const link = document.createElement('button');"
        "link.setAttribute('onclick', 'window.attribute = 1'); document.body.append(link); link.click();"
        "setTimeout(() => { try { eval('window.evaluated = 1'); } catch { window.refused = 1; } });"
        "fetch('https://example.org/').catch(() => { window.unfetched = 1; })"
    )
    browser.wait("window.refused === 1 && window.unfetched === 1")
    assert browser.run("return [window.inline, window.attribute, window.evaluated]") == [None, None, None]
    assert len([words for words in browser.complaints() if "Content Security Policy" in words]) >= 3
    browser.requests()


HOSTILE = [
    "<script>window.harm = 1</script>",
    "</script><img src=x onerror='window.harm = 1'>",
    "{{ 7 * 7 }}{% for %}",
    "\"' onmouseover='window.harm = 1",
    "two\nlines and a \u202eright-to-left mark",
    "<!-- <script> & &amp; ${window.harm = 1}",
    "\u2028 \u2029 \\u003cscript>",
]


def test_names_are_shown_as_they_are_and_run_nothing(tmp_path: Path, browser: Browser) -> None:
    """Of cases, labels, reasons, remarks, in tables, charts, tooltips and lists."""
    cases = [case(name, (0.5, 0.6), (name, f"other {name}")) for name in HOSTILE]
    made = report(cases, HOSTILE[0])
    made = replace(
        made,
        remarks=tuple(HOSTILE),
        cases=(
            *made.cases,
            *(
                replace(case("f", (1.0,), (None,)), case=f"f {name}", status="error", rows=(), reason=name)
                for name in HOSTILE
            ),
        ),
    )
    browser.open(written(tmp_path, made))
    browser.run("document.querySelectorAll('select').forEach(s => s.dispatchEvent(new Event('change')))")
    assert browser.run("return window.harm === undefined")
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert [text for text in shown(browser) if not text.startswith("f ")] == HOSTILE
    assert browser.texts("#remarks li")[: len(HOSTILE)] == HOSTILE
    assert "49" not in browser.texts("#remarks li")[2]
    browser.wait_for_charts()
    browser.point_at("#distribution svg .mark-symbol path", 0)
    browser.wait("document.getElementById('vg-tooltip-element') !== null")
    assert browser.run("return window.harm === undefined && document.querySelectorAll('img').length === 0")


def test_twenty_thousand_cases_are_binned_and_found(tmp_path: Path, browser: Browser) -> None:
    rng = np.random.default_rng(5)
    names = [f"label_{n}" for n in range(3)]
    cases = [case(f"case_{n:05}", tuple(rng.random(3)), names) for n in range(20_000)]
    page = written(tmp_path, report(cases))
    assert page.stat().st_size < 6_000_000  # 5 lines of 4 quantities
    browser.open(page)
    assert "60 steps" in browser.texts("#distribution figcaption")[0]
    assert "mean of 50 cases" in browser.texts("#heat figcaption")[0]
    browser.fill("#filter-text", "case_12345")
    assert shown(browser) == ["case_12345"]


def test_layers_of_pictures_switch(tmp_path: Path, browser: Browser) -> None:
    from segeval.results.pictures import LAYERS, ErrorProfile, LabelPictures, SliceView

    groups = "".join(f'<g class="layer-{layer}"><rect id="{layer}" width="9" height="9"/></g>' for layer in LAYERS)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{groups}</svg>'
    view = SliceView("axial", "slice 1 of 2", svg, "an axial slice")
    profile = ErrorProfile("axial", (0, 3), (1, 0), "slice 2 of 2 holds 75 % of the error")
    pictures = [LabelPictures(name, 1, "liver", (view, view), (profile,)) for name in ("case_03", "case_04")]
    browser.open(written(tmp_path, thirty(), pictures=pictures))
    ids = browser.run("return [...document.querySelectorAll('.slice [id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) == 4 * len(LAYERS)
    visible = (
        "return [...document.querySelectorAll(arguments[0])].filter(e => getComputedStyle(e).display !== 'none').length"
    )
    for layer in LAYERS:
        assert browser.run(visible, f".slice .layer-{layer}") == 4
        browser.click(f"[data-layer={layer}]")
        assert browser.run(visible, f".slice .layer-{layer}") == 0
    assert browser.run("return document.querySelectorAll('.profile rect').length") == 4
    browser.run("goTo('case_04')")
    assert browser.texts(".picture.chosen h3") == ["case_04: 1 liver"]


def test_a_comparison_shows_its_conclusion_and_every_case(tmp_path: Path, browser: Browser) -> None:
    from segeval.comparing.paired_reports import compare_reports
    from segeval.outputs.html import comparison_page

    before = thirty()
    better = report([case(f"case_{n:02}", (0.6 + n / 100, 0.9 - n / 100), ("liver", "spleen")) for n in range(30)])
    comparison = compare_reports({"a.json": before, "b <i>.json": better})
    page = tmp_path / "compared.html"
    page.write_text("".join(comparison_page(comparison, [before, better])), encoding="utf-8")
    browser.open(page)
    assert browser.texts(".conclusions")[0].startswith("b <i>.json is better: mean dice +0.0500 [")
    assert browser.texts("#by-case figcaption")[0].startswith("mean: 30 of 30 cases better, 0 worse")
    browser.choose("#difference-label", "2 spleen")
    assert browser.texts("#by-case figcaption")[0].startswith("2 spleen: 0 of 30 cases better, 0 worse")
    browser.wait_for_charts()
    assert browser.run("return document.querySelectorAll('#by-case svg .mark-symbol path').length") == 30
