"""JSON Schemas (draft 2020-12) of what segeval writes as JSON, made of the types of the code that writes it."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from msgspec import Struct

from segeval.errors import UsageError
from segeval.schemas.of_types import Kinds, schema_of
from segeval.words.nearest import suggestion
from segeval.words.printable import shortened

__all__ = ["SCHEMAS", "Published", "schema"]


class Published(Struct, frozen=True):
    """A document. version: what changes the meaning of a member raises it. written_by: where it comes from."""

    title: str
    version: int
    written_by: str


SCHEMAS = {
    "report": Published("Results of score, batch and merge", 1, "--format json, -o FILE.json, Report.to_json"),
    "verdict": Published("What a gate found out", 1, "segeval check --format json"),
    "comparison": Published("Reports of the same cases against the first", 1, "segeval compare --format json"),
    "inspection": Published("What a file holds", 1, "segeval inspect --format json"),
    "quantities": Published("Quantities and their definitions", 1, "segeval quantities --format json"),
    "formats": Published("What can be read", 1, "segeval formats --format json"),
    "protocols": Published("Protocols and what they decide", 1, "segeval protocols --format json"),
    "baseline": Published("What later runs are compared with", 1, "segeval check --update-baseline"),
    "provenance": Published("What an audit needs to repeat a number", 1, "--provenance FILE.json"),
}


def schema(name: str) -> dict[str, Any]:
    """The schema of a document, by a name of ``SCHEMAS``, by what the document calls its schema, or by the ``$id``.

    Raises UsageError for another one.
    """
    if name not in SCHEMAS:
        name = _called(name)
    published = SCHEMAS[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _id(name),
        "title": published.title,
        **schema_of(_type(name), _kinds()),
    }


def _called(text: str) -> str:
    """The name of the document that is meant by ``segeval-inspect/1`` or ``urn:segeval:inspection:1``."""
    known = {_id(name): name for name in SCHEMAS}
    known |= {written: name for name in SCHEMAS for written in get_args(_members(_type(name)).get("schema"))}
    if text in known:
        return known[text]
    near = suggestion(text, [*SCHEMAS, *known], 1)
    raise UsageError(f"there is no schema {shortened(repr(text), 60)}{near}; there are {', '.join(SCHEMAS)}")


def _id(name: str) -> str:
    return f"urn:segeval:{name}:{SCHEMAS[name].version}"


def _members(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind) if isinstance(kind, type) else {}  # a list of documents has none of its own


def _type(name: str) -> Any:
    from segeval.cases.provenance import ProvenanceDocument
    from segeval.gates.baseline_document import BaselineDocument
    from segeval.quantities.explanation import QuantityDocument
    from segeval.results.comparison import ComparisonDocument
    from segeval.results.documents import ReportDocument
    from segeval.results.formats import FormatDocument
    from segeval.results.inspection import InspectionDocument
    from segeval.results.verdict import VerdictDocument
    from segeval.settings.protocol_documents import ChallengeDocument

    return {
        "report": ReportDocument,
        "verdict": VerdictDocument,
        "comparison": ComparisonDocument,
        "inspection": InspectionDocument,
        "quantities": list[QuantityDocument],
        "formats": list[FormatDocument],
        "protocols": list[ChallengeDocument],
        "baseline": BaselineDocument,
        "provenance": ProvenanceDocument,
    }[name]


def _kinds() -> Kinds:
    from segeval.cases.provenance import ProvenanceDocument
    from segeval.gates.baseline_document import BaselineRow
    from segeval.results.comparison import Change, Compared, ComparisonRow, Placing, RankRow
    from segeval.results.documents import ReportDocument, RowDocument
    from segeval.results.report import Statistic
    from segeval.results.verdict import Finding
    from segeval.settings.documents import settings_document

    settings = settings_document()
    return Kinds(
        nullable=(Statistic, Finding, Change, ComparisonRow, Placing, RankRow),
        of_quantities=(RowDocument, BaselineRow),
        members={(ReportDocument, "settings"): settings, (ProvenanceDocument, "settings"): settings},
        left_out={Change: Change.NOT_WRITTEN, Compared: Compared.NOT_WRITTEN},
    )
