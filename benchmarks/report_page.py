"""How large is the page of a report, how long does it take to write and to open, and how much memory?

Run in the development environment, with Debian's chromium for the time to open: ``python benchmarks/report_page.py``.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from segeval.outputs.html import report_page
from segeval.quantities import select
from segeval.quantities.summary import summarise
from segeval.results.report import ALL, MEAN, CaseResult, Report, Row
from segeval.results.rows import Table

KEYS = "overlap,losses"


def made(cases: int, labels: int) -> Report:
    """A report of so many cases and labels, with every usual quantity."""
    columns = tuple(selection.column for selection in select(KEYS))
    keys, rng, table = (
        [column.key for column in columns],
        np.random.default_rng(0),
        Table(column.key for column in columns),
    )
    found = []
    for number in range(cases):
        values = rng.random((labels + 2, len(keys)))
        lines = [(label, f"organ_{label}") for label in range(1, labels + 1)] + [(MEAN, None), (ALL, None)]
        rows = [
            Row(label, name, dict(zip(keys, v.tolist(), strict=True)))
            for (label, name), v in zip(lines, values, strict=True)
        ]
        confusion = tuple((label, label, 1000) for label in range(labels + 1))
        found.append(CaseResult(f"case_{number:05}", "p/x.nii", "r/x.nii", rows, confusion).held_in(table))
    return Report("segeval:benchmark", {}, columns, tuple(found), (), summarise(found, columns))


def opened(page: Path) -> float | None:
    """Seconds until every chart of the page is drawn; None without a browser."""
    if shutil.which("chromedriver") is None:
        return None
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.get("about:blank")
        start = time.perf_counter()
        driver.get(page.as_uri())
        ready = "return document.querySelectorAll('figure > .chart:not([data-ready])').length === 0"
        WebDriverWait(driver, 120, 0.02).until(lambda d: d.execute_script(ready))
        return time.perf_counter() - start
    finally:
        driver.quit()


def main() -> None:
    """Print a line for each size of report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", default=["1x5", "200x15", "2000x117", "20000x20"], metavar="CASESxLABELS")
    for size in parser.parse_args().sizes:
        cases, labels = map(int, size.split("x"))
        report = made(cases, labels)
        with tempfile.TemporaryDirectory() as folder:
            page, start = Path(folder) / "report.html", time.perf_counter()
            with page.open("w", encoding="utf-8") as file:
                file.writelines(report_page(report))
            taken, seconds = time.perf_counter() - start, opened(page)
            shown = "–" if seconds is None else f"{seconds:.1f} s"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            sys.stdout.write(
                f"{cases:6} cases of {labels:3} labels: {page.stat().st_size / 1e6:5.1f} MB, "
                f"written in {taken:4.1f} s, opened in {shown}, peak {peak:.0f} MB with the report\n"
            )


if __name__ == "__main__":
    main()
