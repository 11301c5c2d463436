"""What of this machine the process may use.

loky's ``cpu_count`` reads quotas as well, but only those of the root group, knows no SLURM, and takes 55 ms to import:
half of a small case.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_SLURM = "SLURM_CPUS_PER_TASK"


def usable_cores(root: Path = Path("/")) -> int:
    """The cores that this process may use: the least of its affinity, the quotas of its control groups, and its job's.

    root: where ``proc`` and ``sys`` are.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    job = os.environ.get(_SLURM, "")
    stated = [int(job)] if job.isdecimal() and int(job) else []
    return max(1, min([affinity, *stated, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The quota of each control group that this process is in, in cores: of version 1 and 2, where there is one."""
    groups = root / "sys/fs/cgroup"
    for line in _words(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            for folder in _folders(groups, path):
                yield from _cores(_words(folder / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for name in dict.fromkeys((controllers, "cpu")):
                for folder in _folders(groups / name, path):
                    yield from _cores([_words(folder / f"cpu.cfs_{word}_us").strip() for word in ("quota", "period")])


def _folders(base: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above; a container sees its own as the topmost."""
    group = PurePosixPath(path.lstrip("/"))
    for part in (group, *group.parents):
        yield base / part


def _cores(words: list[str]) -> Iterator[float]:
    """Of a quota and its period; ``max`` and −1 are none."""
    if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
        yield int(words[0]) / int(words[1])


def _words(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
