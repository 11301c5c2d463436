"""Progress on stderr for what takes longer than a second; none where stderr is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_S = 1.0


class ByteProgress:
    """A bar over the bytes of some files. Reader threads tell it what they read."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._done = 0
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._wanted = sys.stderr.isatty()
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    def add(self, count: int) -> None:
        """So many bytes more were read."""
        if not self._wanted:
            return
        with self._lock:
            self._done += count
            if self._bar is None and time.monotonic() - self._begun > _PATIENCE_S:
                self._bar = self._start()
            if self._bar is not None:
                self._bar[0].update(self._bar[1], completed=min(self._done, self._total))

    def _start(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("reading"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.start()
        return bar, bar.add_task("reading", total=self._total)
