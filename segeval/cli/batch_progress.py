"""How a batch goes, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from segeval.cli.writing import tell
from segeval.results.rows import MEAN, Rows

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from segeval.results.report import CaseResult

_EVERY_S = 30.0


class BatchProgress:
    """Counts cases done and failed, and keeps the running mean of Dice or of the first quantity asked for."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._key = "dice" if "dice" in keys else keys[0]
        self._total = self._done = self._failed = 0
        self._sum, self._values = 0.0, 0
        self._begun = self._said = time.monotonic()
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def started(self, total: int, resumed: int) -> None:
        """So many cases, of which some were done before."""
        self._total, self._done = total, resumed
        if resumed:
            tell(f"resumed: {resumed} of {total} cases were scored before\n")
        if sys.stderr.isatty():
            self._bar = self._start()

    def finished(self, result: CaseResult) -> None:
        """One case more."""
        self._done += 1
        self._failed += result.status == "error"
        value = result.rows.value(MEAN, self._key) if isinstance(result.rows, Rows) else math.nan
        if not math.isnan(value):
            self._sum, self._values = self._sum + value, self._values + 1
        if self._bar is not None:
            self._bar[0].update(self._bar[1], completed=self._done, words=self._words())
        elif time.monotonic() - self._said > _EVERY_S:
            self._said = time.monotonic()
            rate = self._done / (self._said - self._begun)
            tell(f"{self._done} of {self._total} cases, {self._words()}, {rate:.1f} per second\n")

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _words(self) -> str:
        mean = f", mean {self._key} {self._sum / self._values:.4f}" if self._values else ""
        return f"{self._failed} failed{mean}"

    def _start(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.start()
        return bar, bar.add_task("scoring", total=self._total, completed=self._done, words=self._words())
