"""Whole processes, in turn: what a command took, and what it printed."""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONG = 20.0  # seconds; one run of a peer that takes longer is enough
SHORT, REPEATS = 1.0, 3  # seconds; what takes less runs so often in a round, as one run of it says little
_TIMEOUT = 540  # seconds

Values = dict[str, float]


@dataclass
class Measured:
    """What the runs of one contender took. ``why_not``: why there is none, or no more."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0
    values: Values = field(default_factory=dict)
    why_not: str = ""

    @property
    def median(self) -> float:
        """Seconds, NaN where nothing ran."""
        return statistics.median(self.seconds) if self.seconds else math.nan


def in_turn(
    commands: Mapping[str, Sequence[str]],
    rounds: int,
    once: frozenset[str],
    peers: frozenset[str],
    tell: Callable[[str], object],
) -> dict[str, Measured]:
    """Each round runs every command once, a short one three times. The first round warms the page cache.

    Commands in ``once``, and those of ``peers`` that take longer than ``LONG``, run in the first round only, and count.
    """
    found = {name: Measured() for name in commands}
    repeats = dict.fromkeys(commands, 1)
    for number in range(rounds + 1):
        for name, command in commands.items():
            measured = found[name]
            if number and name in once:
                continue
            for _ in range(repeats[name]):
                if measured.why_not:
                    break
                tell(f"{name} ({number}/{rounds})")
                seconds, cpu, peak = _run(command, measured)
                measured.peak = max(measured.peak, peak)
                once |= {name} if seconds > LONG and name in peers else set()
                if not measured.why_not and (number or name in once):
                    measured.seconds.append(seconds)
                    measured.cpu.append(cpu)
            if not number and seconds < SHORT:
                repeats[name] = REPEATS
    return found


def difference(ours: Values, theirs: Values) -> float:
    """The largest relative difference of the values that both state; infinite where one of them is undefined."""
    worst = 0.0
    for key in ours.keys() & theirs.keys():
        a, b = ours[key], theirs[key]
        if math.isnan(a) != math.isnan(b):
            return math.inf
        if a != b and not math.isnan(a):
            worst = max(worst, abs(a - b) / max(abs(a), abs(b)))
    return worst if ours.keys() & theirs.keys() else math.nan


def _run(command: Sequence[str], measured: Measured) -> tuple[float, float, int]:
    """Seconds, processor seconds and peak bytes of one run; a failure goes into ``measured``."""
    with tempfile.TemporaryDirectory() as name:
        result, output, errors = (Path(name, part) for part in ("result", "stdout", "stderr"))
        launch = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(result), str(output)]
        with errors.open("w") as stderr:
            process = subprocess.Popen([*launch, *command], stderr=stderr, cwd=name, start_new_session=True)  # noqa: S603
            try:
                process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the command, too
                process.wait()
                measured.why_not = f"not done after {_TIMEOUT} s"
                return math.nan, math.nan, 0
        status, seconds, cpu, peak = result.read_text().split()
        if int(status):
            last = (errors.read_text().strip().splitlines() or [""])[-1]
            measured.why_not = f"failed ({status}): {last[:200]}"
            return math.nan, math.nan, 0
        if not measured.values:
            measured.values = _values(output.read_text())
        return float(seconds), float(cpu), int(peak)


def _values(text: str) -> Values:
    """Every number of a report or of a peer's answer, by "case/label/quantity"; NaN where undefined."""
    try:
        document = json.loads(text[max(text.find("{"), 0) :])  # a library may print a greeting first
    except ValueError:  # words, such as a help text
        return {}
    if "cases" in document:
        cases = document["cases"]
        rows = {case["case"]: {row["label"]: row for row in case.get("rows", ())} for case in cases}
        document = rows if len(cases) > 1 else rows[cases[0]["case"]]
    return _flat(document, "")


def _flat(document: Mapping[str, Any], prefix: str) -> Values:
    found: Values = {}
    for key, value in document.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}/"))
        elif value is None or isinstance(value, int | float):
            found[f"{prefix}{key}"] = math.nan if value is None else float(value)
    return found
