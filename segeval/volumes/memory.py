"""How much memory may be taken by what cannot be streamed, and the refusal of what needs more, before it is read.

The limit is `--max-memory`, handed to worker processes through the environment; else three quarters of what is free.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from segeval.errors import UnreadableFile, UsageError

VARIABLE = "SEGEVAL_MAX_MEMORY"
_SHARE = 0.75
_SMALL = 1 << 20  # never worth a look at what is free
_SIZE = re.compile(r"([0-9]{1,15})\s*([KMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """``4G``, ``500 MiB`` or bytes; units are powers of 1024. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"--max-memory {text!r}: write a size like 4G or 500M")
    return int(match[1]) * _UNITS[match[2].upper()]


def require_memory(name: str, need: int, why: str) -> None:
    """Raises UnreadableFile where ``need`` bytes for this file are more than may still be taken.

    why: what needs them, as the subject of a sentence.
    """
    if need <= _SMALL:
        return
    stated = os.environ.get(VARIABLE)
    most = int(_SHARE * free) if not stated and (free := _free()) is not None else None
    if stated:
        most = parse_size(stated) - _used()
    if most is not None and need > most:
        limit = f"--max-memory {stated} leaves" if stated else f"{_SHARE:.0%} of the free memory are"
        raise UnreadableFile(
            f"{name}: {why} needs {_text(need)}, {limit} {_text(max(most, 0))}; score it on a larger machine, store "
            "it as NIfTI on the reference's grid, or raise --max-memory"
        )


def _free() -> int | None:
    """Bytes that this process may still take, of the machine and of its control group; None where nobody says."""
    found = [size << 10 for size in _numbers("/proc/meminfo", "MemAvailable:")]
    most, used = _words("/sys/fs/cgroup/memory.max").strip(), _words("/sys/fs/cgroup/memory.current").strip()
    if most.isdigit() and used.isdigit():
        found.append(
            int(most) - int(used) + sum(_numbers("/sys/fs/cgroup/memory.stat", "file"))
        )  # cached files give way
    return min(found, default=None)


def _used() -> int:
    """Bytes that this process holds."""
    pages = _words("/proc/self/statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _numbers(path: str, key: str) -> list[int]:
    """The number behind this word in a file of the kernel's."""
    lines = (line.split() for line in _words(path).splitlines())
    return [int(line[1]) for line in lines if len(line) > 1 and line[0] == key]


def _words(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _text(size: int) -> str:
    unit = next((u for u in "TGMK" if size >= _UNITS[u]), "")
    return f"{size / _UNITS[unit]:.3g} {unit + 'i' if unit else ''}B"
