"""What the fuzz tests share: random damage to bytes, and a judge of what segeval makes of it.

`SEGEVAL_FUZZ=20` multiplies the inputs of a run; the seeds are then new ones, beyond those of every ordinary run.
"""

from __future__ import annotations

import os
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.cli.app import main
from segeval.errors import SegevalError, UsageError

_SECONDS = 20  # for one input; thousands of them take a second
_HEADROOM = (
    2 << 30
)  # bytes of address space beyond those of this process: a bomb ends with an error and not the machine
_OUT_OF_MEMORY = ("need more memory than", "allocate", "bad_alloc")
_NUMBERS = [
    b"0", b"-1", b"1", b"3", b"255", b"65536", b"2147483648", b"-2147483649", b"4294967297", b"9223372036854775808",
    b"1e15", b"1e400", b"-1e-400", b"nan", b"inf", b"1" * 5000, b"0x10", b"1_000", b"1.5", b"",
]  # fmt: skip
_BYTES = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x0A, 0x0D, 0x20, 0x22, 0x25, 0x2C, 0x3A, 0x5B, 0x7B]


def damaged(content: bytes, random: Random, text: bool = False) -> bytes:
    """The content with one to three kinds of damage; in text, numbers, words and lines are changed as well."""
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice(_OF_TEXT if text and random.random() < 0.7 else _OF_BYTES)(content, random)
    return content


def _flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for place in range(
        start := random.randrange(len(content) + 1), min(start + random.choice((1, 2, 4, 8)), len(changed))
    ):
        changed[place] = random.choice(_BYTES) if random.random() < 0.7 else random.randrange(256)
    return bytes(changed)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _remove(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.choice((1, 2, 4, 16, 64)) :]


def _insert(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + random.randbytes(random.choice((1, 2, 4, 16))) + content[start:]


def _repeat(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start : start + random.choice((1, 4, 16, 64))] * 2 + content[start:]


def _another_number(content: bytes, random: Random) -> bytes:
    places = [n for n, byte in enumerate(content) if chr(byte).isdigit()]
    if not places:
        return content
    start = end = random.choice(places)
    while end < len(content) and chr(content[end]).isdigit():
        end += 1
    return content[:start] + random.choice(_NUMBERS) + content[end:]


def _other_lines(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    if random.random() < 0.5:
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines.insert(first, lines[second])
    return b"\n".join(lines)


def _another_word(content: bytes, random: Random) -> bytes:
    words = content.split(b" ")
    words[random.randrange(len(words))] = random.choice((*words, *_NUMBERS))
    return b" ".join(words)


_Damage = Callable[[bytes, Random], bytes]
_OF_BYTES: list[_Damage] = [_flip, _flip, _overwrite, _overwrite, _cut, _remove, _insert, _repeat]
_OF_TEXT: list[_Damage] = [_another_number, _another_number, _other_lines, _another_word]


@dataclass
class Judge:
    """Runs segeval on one input after the other, and knows the only outcomes: a result, or one line of words."""

    outcomes: Counter[str] = field(default_factory=Counter)
    rounds: int = int(os.environ.get("SEGEVAL_FUZZ", "1"))

    damaged = staticmethod(damaged)

    @staticmethod
    def write(path: Path, content: bytes) -> None:
        """Into a new file: one that is emptied and written again waits for the disk, thousands of times."""
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    def inputs(self, seed: int, count: int) -> Iterator[Random]:
        """So many generators, each known by its number."""
        for number in range(count * self.rounds):
            yield Random(seed * 1_000_003 + number)

    def answer(self, run: Callable[[], Any], path: Path) -> Any:
        """What the function returns; None where it refused the file with a line of words that names it."""
        with self._watched(path):
            try:
                answer = run()
            except SegevalError as refusal:
                self._require_a_line(str(refusal), path)
                self.outcomes["usage" if isinstance(refusal, UsageError) else "refused"] += 1
                return None
        self.outcomes["result"] += 1
        return answer

    def command(self, capsys: pytest.CaptureFixture[str], path: Path, *arguments: object) -> int:
        """The exit code of a command: 0 or 1 (a gate) and a result, or 2 or 3 and one line that names the file."""
        with self._watched(path):
            capsys.readouterr()
            code = main([str(argument) for argument in arguments])
            captured = capsys.readouterr()
        assert code in (0, 1, 2, 3), (path.read_bytes(), captured.err)
        if code > 1:
            assert captured.out == ""
            assert captured.err.startswith("segeval: ")
            assert captured.err.count("\n") == 1, captured.err
            if code == 3:
                self._require_a_line(captured.err.rstrip("\n"), path)
        self.outcomes[f"exit {code}"] += 1
        return code

    @contextmanager
    def _watched(self, path: Path) -> Iterator[None]:
        """A hang ends with a traceback, and so does any exception, with the input beside it."""
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
        try:
            yield
        except BaseException as problem:
            problem.add_note(f"the input was {path.name}: {path.read_bytes()[:4000]!r}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _require_a_line(self, words: str, path: Path) -> None:
        assert path.stem.split(".")[0] in words, (words, path.read_bytes())
        assert len(words) < 12_000, words
        assert not any(sign in words for sign in _OUT_OF_MEMORY), (words, path.read_bytes())
        assert "bug" not in words, (words, path.read_bytes())


@pytest.fixture
def judge() -> Iterator[Judge]:
    """A judge under whom a hang and a bomb end as failures of the test."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"an input took more than {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, hangs)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _HEADROOM, hard))
    try:
        yield Judge()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    """A label map of 60 voxels and the labels 0, 1, 2."""
    return (np.arange(60).reshape(5, 4, 3) % 3).astype(np.uint8)
