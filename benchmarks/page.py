"""The tables: on the terminal, and as docs/performance.md."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import fill

from cases import MB, Case, Judgement
from measuring import LONG, REPEATS, SHORT, Measured, difference
from rich.console import Console
from rich.table import Table

_GPU = "## On a GPU"
_NO_GPU = "Not measured: no device could be had."
_COLUMNS = ("", "time", "range", "processor", "× segeval", "peak memory", "values differ by")
_HELD = {True: "held", False: "**not held**", None: "–"}
_BUSY = 0.5  # load average above which other programs disturb the timings


@dataclass(frozen=True)
class CaseResult:
    """What the contenders of a case took, the first of which is segeval."""

    case: Case
    found: Mapping[str, Measured]

    def judgements(self) -> list[Judgement]:
        """The case's targets; what did not run is not measured."""
        return [target.judge(self.found) for target in self.case.targets]

    def rows(self) -> Iterable[tuple[str, ...]]:
        """One row per contender, in words; see ``_COLUMNS``."""
        first = next(iter(self.found.values()))
        for contender in self.case.contenders:
            name, measured = contender.name, self.found[contender.name]
            if contender.probe:
                continue
            if not measured.seconds:
                yield (name, measured.why_not, "", "", "", "", "")
                continue
            low, high = min(measured.seconds), max(measured.seconds)
            runs = len(measured.seconds)
            yield (
                name,
                f"{measured.median:.3g} s",
                f"{low:.3g} – {high:.3g}" if runs > 1 else "one run",
                f"{sorted(measured.cpu)[runs // 2]:.3g} s",
                "1" if measured is first else f"{measured.median / first.median:.3g}",
                f"{measured.peak / MB:.0f} MB",
                "" if measured is first or not contender.alike else _words(difference(first.values, measured.values)),
            )


def show(result: CaseResult, console: Console) -> None:
    """Print one case's tables."""
    table = Table(*_COLUMNS, title=result.case.title, title_justify="left")
    for row in result.rows():
        table.add_row(*row)
    console.print(table)
    for judgement in result.judgements():
        console.print(f"  {judgement.demand}: {judgement.measured}, {_HELD[judgement.held].strip('*')}")


def render(
    results: Iterable[CaseResult],
    rounds: int,
    machine_words: str,
    versions: Mapping[str, Mapping[str, str]],
    page: Path,
) -> str:
    """The page; what the old one says about GPUs stays, as it is measured by hand."""
    results = list(results)
    targets = [
        (result.case.title, judgement.demand, judgement.measured, _HELD[judgement.held])
        for result in results
        for judgement in result.judgements()
    ]
    tools = sorted({f"{name} {version}" for found in versions.values() for name, version in found.items()})
    words = (
        f"Made by `benchmarks/compare.py` on {date.today().isoformat()}: whole processes, files in the page cache, "
        "each tool in an environment of its own, all contenders of a case in turn. "
        f"Rounds after a warm-up: {rounds}, with {REPEATS} runs of what takes less than {SHORT:g} s "
        f"(none where a peer takes more than {LONG:g} s: that one run counts). "
        "Times are medians; the ratios mean something, the seconds are this machine's. "
        "Peak memory is the largest resident set of one process; 1 MB is 10⁶ bytes. "
        "The processor time of a batch leaves its worker processes out. "
        "*Values differ by* is the largest relative difference to segeval's Dice per label, or to its losses.",
        f"Machine: {machine_words}.",
        f"Versions: {', '.join(tools)}.",
        "To repeat, and to write this page again: `python benchmarks/compare.py --write` in the development "
        "environment; see [benchmarks/README.md](../benchmarks/README.md).",
    )
    parts = [
        "# Performance",
        *(fill(paragraph, 120, break_long_words=False, break_on_hyphens=False) for paragraph in words),
        "## Targets",
        _markdown(("work", "target", "measured", "held?"), targets),
        "## Times",
    ]
    for result in results:
        parts += [f"### {result.case.title}", _markdown(_COLUMNS, result.rows())]
    return "\n\n".join([*parts, _GPU, _about_gpus(page)]) + "\n"


def machine() -> str:
    """Processor, cores, memory, system and Python, and whether it was idle, in words; to be asked before the runs."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = Path("/etc/os-release").exists() and platform.freedesktop_os_release().get("PRETTY_NAME")
    system = release or platform.system()
    words = f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    return words if load < _BUSY else f"{words}; it was busy with other work (load average {load:.1f} at the start)"


def _words(value: float) -> str:
    return "" if math.isnan(value) else "0" if value == 0 else f"{value:.0e}"


def _markdown(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _about_gpus(page: Path) -> str:
    text = page.read_text() if page.exists() else ""
    return text.partition(f"{_GPU}\n")[2].strip() or _NO_GPU
