"""Parquet: the rows of the CSV with their types, for pandas, Polars, R and DuckDB."""

from __future__ import annotations

import io
from importlib.util import find_spec

from segeval.errors import WriteError
from segeval.outputs.csv_output import tidy_rows
from segeval.report import Report

_TEXT = ("case", "label", "name", "status", "reason")


def require_pyarrow() -> None:
    """Raises WriteError where the optional library is missing."""
    if find_spec("pyarrow") is None:
        raise WriteError("Parquet needs the library pyarrow; run: pip install 'segeval-cli[parquet]'")


def render_parquet(report: Report) -> bytes:
    """The columns of the CSV: text as it is (no guard against formulas), quantities as float64, undefined as NaN.

    The signature is in the frame's ``attrs``. Raises WriteError.
    """
    require_pyarrow()
    import pandas

    keys = [column.key for column in report.columns]
    columns = ["case", "label", "name", *keys, *(["status", "reason"] if report.summary is not None else [])]
    records = []
    for case, row in tidy_rows(report):
        label, name, values = (None, None, {}) if row is None else (str(row.label), row.name, row.values)
        state = (case.status, case.reason) if report.summary is not None else ()
        records.append([case.case, label, name, *(values.get(key) for key in keys), *state])
    frame = pandas.DataFrame(records, columns=columns)
    kinds = {column: "string" if column in _TEXT else "float64" for column in columns}
    frame = frame.astype(kinds)
    frame.attrs["signature"] = report.signature
    held = io.BytesIO()
    frame.to_parquet(held, engine="pyarrow", index=False)
    return held.getvalue()
