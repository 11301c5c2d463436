"""A report as text, or as bytes for a file alone: one format per file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from segeval.choices import FileFormat, Format

if TYPE_CHECKING:
    from segeval.results.report import Report


Subject = TypeVar("Subject")
Name = TypeVar("Name", bound=str)
Require = Callable[[Sequence[str], Mapping[str, object]], None]


def _nothing(_: Sequence[str], __: Mapping[str, object]) -> None:
    """Most formats can be written always."""


class Output(Struct, Generic[Subject], frozen=True):
    """pieces: a report, say, as text that ends with a newline, or as bytes, in as many pieces as keep memory small.

    endings: of the files it is written to.
    shows_remarks: the text holds its remarks; otherwise they go to stderr.
    require: given the keys of the columns and the settings as the JSON has them, raises the SegevalError that rendering
    would end in.
    """

    pieces: Callable[[Subject], Iterable[str] | Iterable[bytes]]
    endings: tuple[str, ...]
    shows_remarks: bool = True
    require: Require = _nothing

    def render(self, subject: Subject) -> str | bytes:
        """The pieces together."""
        text: list[str] = []
        content: list[bytes] = []
        for piece in self.pieces(subject):
            if isinstance(piece, str):
                text.append(piece)
            else:
                content.append(piece)
        return b"".join(content) if content else "".join(text)


def _table(report: Report) -> Iterable[str]:
    from segeval.outputs.report_page import render_table

    yield render_table(report)


def _csv(report: Report) -> Iterable[str]:
    from segeval.outputs.csv_output import csv_pieces

    return csv_pieces(report)


def _json(report: Report) -> Iterable[str]:
    yield from report.json_pieces()
    yield "\n"


def _markdown(report: Report) -> Iterable[str]:
    from segeval.outputs.report_page import render_markdown

    yield render_markdown(report)


def _nnunet(report: Report) -> Iterable[str]:
    from segeval.outputs.nnunet import render_nnunet

    yield render_nnunet(report)


def _require_nnunet_quantities(keys: Sequence[str], _: Mapping[str, object]) -> None:
    from segeval.outputs.nnunet import require_nnunet_quantities

    require_nnunet_quantities(keys)


def _challenge(report: Report) -> Iterable[str]:
    from segeval.outputs.challenge import challenge_pieces

    return challenge_pieces(report)


def _require_columns(_: Sequence[str], settings: Mapping[str, object]) -> None:
    from segeval.outputs.challenge import require_columns

    require_columns(settings)


def _parquet(report: Report) -> Iterable[bytes]:
    from segeval.outputs.parquet import render_parquet

    yield render_parquet(report)


def _require_pyarrow(_: Sequence[str], __: Mapping[str, object]) -> None:
    from segeval.outputs.parquet import require_pyarrow

    require_pyarrow()


def _html(report: Report) -> Iterable[str]:
    from segeval.outputs.html import report_page

    return report_page(report)


def _require_report_extra(_: Sequence[str], __: Mapping[str, object]) -> None:
    from segeval.outputs.html import require_report_extra

    require_report_extra()


OUTPUTS: dict[FileFormat, Output[Report]] = {
    "table": Output(_table, (".txt",)),
    "csv": Output(_csv, (".csv",), shows_remarks=False),
    "json": Output(_json, (".json",)),
    "markdown": Output(_markdown, (".md", ".markdown")),
    "nnunet": Output(_nnunet, (".json",), shows_remarks=False, require=_require_nnunet_quantities),
    "challenge": Output(_challenge, (".csv",), shows_remarks=False, require=_require_columns),
    "html": Output(_html, (".html", ".htm"), require=_require_report_extra),
    "parquet": Output(_parquet, (".parquet",), shows_remarks=False, require=_require_pyarrow),
}
"""Each renderer is imported when it is asked for: a run uses one or two, and Rich's tables cost 20 ms."""


def format_of_ending(name: str, asked: Format | None = None) -> FileFormat | None:
    """The format that a file name asks for by its ending; where two share it, the one asked for, else the first."""
    found = formats_of_ending(name, OUTPUTS)
    return asked if asked in found else next(iter(found), None)


def formats_of_ending(name: str, outputs: Mapping[Name, Output[Any]]) -> list[Name]:
    """Those that a file name may ask for by its ending."""
    return [format_ for format_, output in outputs.items() if name.lower().endswith(output.endings)]
