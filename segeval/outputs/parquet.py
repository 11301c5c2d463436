"""Parquet: the rows of the CSV with their types, for pandas, Polars, R and DuckDB."""

from __future__ import annotations

import io
from importlib.util import find_spec

from segeval.errors import WriteError
from segeval.files.whole_files import encoded
from segeval.results.columns import AFTER_VALUES, BEFORE_VALUES
from segeval.results.frames import tidy_columns
from segeval.results.report import Report
from segeval.words.extras import install

_TEXT = (*BEFORE_VALUES, *AFTER_VALUES)


def require_pyarrow() -> None:
    """Raises WriteError where the optional library is missing."""
    if find_spec("pyarrow") is None:
        raise WriteError(f"Parquet needs the library pyarrow; run: {install('parquet')}")


def render_parquet(report: Report) -> bytes:
    """The columns of the CSV: text as it is (no guard against formulas), quantities as float64, undefined as NaN.

    The signature is in the frame's ``attrs``. Raises WriteError.
    """
    require_pyarrow()
    import pandas

    case_of, columns = tidy_columns(report.cases, [column.key for column in report.columns])
    columns["label"] = list(map(str, columns["label"]))
    frame = pandas.DataFrame({"case": case_of, **columns})
    if report.summary is not None:  # a case without rows stands there once
        bare = pandas.DataFrame({"case": [place for place, case in enumerate(report.cases) if not case.rows]})
        frame = pandas.concat([frame, bare], ignore_index=True) if len(bare) else frame
        frame = frame.sort_values("case", kind="stable", ignore_index=True)
        frame["status"] = [report.cases[place].status for place in frame["case"]]
        frame["reason"] = [_text(report.cases[place].reason) for place in frame["case"]]
    frame["case"] = [_text(report.cases[place].case) for place in frame["case"]]
    frame = frame.astype({column: "string" if column in _TEXT else "float64" for column in frame.columns})
    frame.attrs["signature"] = report.signature
    held = io.BytesIO()
    frame.to_parquet(held, engine="pyarrow", index=False)
    return held.getvalue()


def _text(text: str | None) -> str | None:
    """A file's name that is no text is escaped."""
    return None if text is None else encoded(text).decode()
