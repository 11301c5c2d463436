"""Results to stdout and to files, remarks to stderr. A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from segeval.choices import Format
from segeval.errors import UsageError, WriteError
from segeval.files.paths import is_directory, real
from segeval.files.remote import without_secrets
from segeval.files.whole_files import require_folder, write_whole
from segeval.words.printable import printable

if TYPE_CHECKING:
    from segeval.outputs.page import Part
    from segeval.results.report import Report


_MOST_REMARKS = 50  # on stderr
_WORDS = ("table", "markdown")
_MOST_HELD = 1 << 20  # characters that are written together


def require_writable(outputs: Iterable[Path], inputs: Iterable[Path], *, any_ending: bool = False) -> None:
    """Refuse outputs that could not be written, before any voxel is read. Raises UsageError, WriteError.

    any_ending: the ending need not say a format, because the option does.
    """
    from segeval.outputs import OUTPUTS, format_of_ending

    taken = {real(path) for path in inputs}
    for path in outputs:
        if not any_ending and format_of_ending(path.name) is None:
            endings = ", ".join(dict.fromkeys(ending for output in OUTPUTS.values() for ending in output.endings))
            raise UsageError(f"-o {path}: the ending says the format; known are {endings}")
        if real(path) in taken:
            raise UsageError(f"{path}: is an input or another output, which would be overwritten; name another file")
        taken.add(real(path))
        if is_directory(path):
            raise WriteError(f"{path}: is a directory; name a file in it")
        require_folder(path)


def require_renderable(
    format_: Format, outputs: Iterable[Path], keys: Sequence[str], settings: Mapping[str, object]
) -> None:
    """Refuse a format that could not hold these columns, before any voxel is read. Raises UsageError, WriteError.

    settings: as the report's JSON will have them.
    """
    from segeval.outputs import OUTPUTS, format_of_ending

    for wanted in (format_, *(format_of_ending(path.name, format_) or format_ for path in outputs)):
        OUTPUTS[wanted].require(keys, settings)


def write_report(report: Report, format_: Format, outputs: Iterable[Path], *, wide: bool = False) -> None:
    """Write the files, then stdout, then to stderr what failed and the remarks that stdout does not show.

    wide: the table shows every column. Raises WriteError.
    """
    from segeval.outputs import OUTPUTS, format_of_ending

    for path in outputs:
        write_whole(path, OUTPUTS[format_of_ending(path.name, format_) or format_].pieces(report))
    if format_ == "table":
        from segeval.outputs.report_page import page_of_report

        print_page(page_of_report(report, wide=wide))
    else:
        print_pieces(OUTPUTS[format_].pieces(report))
    if any(case.status == "error" for case in report.cases) and not read_by_somebody(format_):
        from segeval.outputs.batch import failure_summary

        tell_outcome(failure_summary(report))
    if not OUTPUTS[format_].shows_remarks:
        from segeval.outputs.batch import remark_lines

        remarks = remark_lines(report)
        for remark in remarks[:_MOST_REMARKS]:
            tell_remark(remark)
        if len(remarks) > _MOST_REMARKS:
            tell(f"{len(remarks) - _MOST_REMARKS} more remarks; --format json has all of them\n")


def read_by_somebody(format_: str) -> bool:
    """Whether people see what stdout carries: on a terminal, and words in a pipe, as in a CI's log; not in a file."""
    if sys.stdout is None:
        return False
    return sys.stdout.isatty() or (format_ in _WORDS and not _is_file(sys.stdout))


def _is_file(stream: TextIO) -> bool:
    """Or nothing at all, such as /dev/null."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # a stream of a test's, say
        return False
    return stat.S_ISREG(mode) or stat.S_ISCHR(mode)


def tell_outcome(lines: Iterable[str]) -> None:
    """What came of it, on stderr."""
    for line in lines:
        tell(f"segeval: {printable(line)}\n")


def print_page(page: Sequence[Part]) -> None:
    """Print a page on stdout, as wide and as coloured as that is."""
    from segeval.outputs.sheet import drawn_for_stdout

    with to_stdout():
        text = drawn_for_stdout(page)
    print_text(text)


def print_text(text: str) -> None:
    """Print to stdout, for as long as somebody reads it."""
    print_pieces([text])


def print_pieces(pieces: Iterable[str] | Iterable[bytes]) -> None:
    """Print to stdout, for as long as somebody reads it; bytes are for files."""
    held: list[str] = []
    with to_stdout():
        for piece in pieces:
            if isinstance(piece, bytes):
                continue
            held.append(piece)
            if sum(map(len, held)) > _MOST_HELD:
                sys.stdout.write("".join(held))
                held = []
        sys.stdout.write("".join(held))
        sys.stdout.flush()


def tell(text: str) -> None:
    """Print to stderr; where that cannot be written, the work and its exit code are what counts."""
    try:
        sys.stderr.write(without_secrets(text))
        sys.stderr.flush()
    except OSError:
        _discard(2)


def tell_remark(text: str) -> None:
    """A remark on stderr."""
    tell(f"remark: {printable(text)}\n")


def _discard(descriptor: int) -> None:
    """Send to nowhere what is written from now on: the interpreter flushes once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


class to_stdout:  # noqa: N801 (reads as a statement)
    """``| head`` closes the pipe when it has enough, which is no error; a full disk is one."""

    def __enter__(self) -> None:
        if sys.stdout is None:
            raise WriteError("standard output is closed; redirect it, or write a file with -o")

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> bool:
        if not isinstance(problem, OSError):
            return False
        _discard(sys.stdout.fileno())
        if isinstance(problem, BrokenPipeError):
            return True
        raise WriteError(f"standard output: cannot be written ({problem.strerror}); check the disk") from None
