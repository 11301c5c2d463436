"""What a baseline's JSON holds, as types."""

from __future__ import annotations

from typing import Literal, TypedDict

from segeval.results.documents import SidesDocument
from segeval.results.report import Label


class BaselineRow(TypedDict):
    """A label of a case. Every other member is a quantity: a number, null where undefined."""

    case: str
    label: Label
    name: str | None


class BaselineDocument(TypedDict):
    """The values of every case, one line per case and label. sha256: by case, where hashes were asked for."""

    schema: Literal["segeval-baseline/1"]
    version: str
    signature: str
    quantities: list[str]
    regions: dict[str, list[int] | Literal["*"]]
    sha256: dict[str, SidesDocument]
    rows: list[BaselineRow]
