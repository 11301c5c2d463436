"""How much memory may be taken by what cannot be streamed, and the refusal of what needs more, before it is taken.

The limit is `--max-memory`, handed to worker processes through the environment; else three quarters of what is free.
Workers of a batch have equal shares of it. The table of what each kind of work needs is in docs/files.md.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from msgspec import Struct

from segeval.errors import NotEnoughMemory, UsageError

VARIABLE = "SEGEVAL_MAX_MEMORY"
_SHARE = 0.75
_SMALL = 1 << 20  # never worth a look at what is free
_SIZE = re.compile(r"([0-9]{1,15})\s*([KMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_sharers = 1


class Need(Struct, frozen=True):
    """What a piece of work holds at once.

    size: bytes. work: what needs them, as the subject of a sentence. instead: how to do without, as a command.
    """

    size: int
    work: str
    instead: str


def parse_size(text: str) -> int:
    """``4G``, ``500 MiB`` or bytes; units are powers of 1024. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"--max-memory {text!r}: write a size like 4G or 500M")
    return int(match[1]) * _UNITS[match[2].upper()]


def share_memory(processes: int) -> None:
    """This process is one of so many that work side by side: what follows asks for its share of the limit."""
    global _sharers
    _sharers = processes


def require_memory(name: str, *needs: Need) -> None:
    """Raises NotEnoughMemory where all of this, held at once, is more than may still be taken.

    name: the file, or the work where it is done on more than one.
    """
    size = sum(need.size for need in needs)
    if size <= _SMALL:
        return
    stated = os.environ.get(VARIABLE)
    most = int(_SHARE * free) // _sharers if not stated and (free := _free()) is not None else None
    if stated:
        most = parse_size(stated) // _sharers - _used()
    if most is None or size <= most:
        return
    limit = f"--max-memory {stated} leaves" if stated else f"{_SHARE:.0%} of the free memory are"
    shared = f" for each of {_sharers} workers" if _sharers > 1 else ""
    works = [need for need in needs if need.size]
    work = works[0].work
    if len(works) > 1:
        work = " and ".join(f"{need.work} ({_text(need.size)})" for need in works) + " together"
    instead = ", ".join(dict.fromkeys(need.instead for need in works))
    raise NotEnoughMemory(
        f"{name}: {work} needs {_text(size)}, {limit} {_text(max(most, 0))}{shared}; {instead}, raise --max-memory, "
        "or score it on a larger machine"
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
