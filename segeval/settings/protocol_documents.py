"""Protocols as JSON holds them, and as the text about one is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict

from segeval.results.strict_json import json_indented
from segeval.settings.protocols import (
    BRATS,
    BRATS_QUANTITIES,
    BRATS_REGIONS,
    Protocol,
    challenge_of,
    protocol_names,
    protocol_of,
)
from segeval.settings.published_ranking import Ranking
from segeval.tallies.instances import BRATS_2023

BRATS_TITLE = "BraTS 2023: lesion-wise Dice and HD95"
_BRATS_DECIDES = (
    "Lesion-wise Dice and HD95 of whole tumour, tumour core and enhancing tumour, as the code of BraTS 2023 computes "
    f"them; the parameters differ by challenge, {BRATS}:CHALLENGE, which is one of {', '.join(BRATS_2023)}. Regions "
    "and quantities are left open. docs/instances.md has every step."
)
_BRATS_SOURCE = "the challenge's official code"


class ChallengeDocument(TypedDict):
    """A protocol. name: what --protocol takes. signed: how signatures name it. version: null of BraTS's lesion-wise
    scores, whose parameters stand in the signature. digest: of a user's file. options: those of docs/options.md that it
    sets, as its file has them. columns: LABEL.QUANTITY, or a formula of such, by the challenge's names; pooled: the
    same of all cases together. statistics: what ends the table, over the cases. missing: by column, what a case without
    a prediction gets, null where that is undefined. ranking: null where none is published.
    """

    name: str
    signed: str
    version: int | None
    digest: NotRequired[str]
    title: str
    year: int
    source: str
    decides: str
    options: dict[str, Any]
    columns: dict[str, str]
    pooled: dict[str, str]
    statistics: list[str]
    missing: dict[str, float | None]
    ranking: Ranking | None


def document_of(name: str) -> ChallengeDocument:
    """Of the protocol of this name, or in this file. Raises UsageError."""
    protocol = protocol_of(name)
    return _of_brats(name) if protocol is None else _of_file(name, protocol)


def every_document() -> list[ChallengeDocument]:
    """Of those of the package, by name."""
    return [document_of(name) for name in sorted([*protocol_names(), BRATS])]


def as_json(documents: Iterable[ChallengeDocument]) -> str:
    """A JSON array; a number that JSON has no word for is null."""
    return json_indented(list(documents))


def _of_file(name: str, protocol: Protocol) -> ChallengeDocument:
    document: ChallengeDocument = {
        "name": name,
        "signed": protocol.signed,
        "version": protocol.version,
        "title": protocol.title,
        "year": protocol.year,
        "source": protocol.source,
        "decides": protocol.decides,
        "options": dict(protocol.options),
        "columns": dict(protocol.columns),
        "pooled": dict(protocol.pooled),
        "statistics": list(protocol.statistics) if protocol.columns else [],
        "missing": dict(protocol.missing),
        "ranking": protocol.ranking,
    }
    if protocol.digest:
        document["digest"] = protocol.digest
    return document


def _of_brats(name: str) -> ChallengeDocument:
    challenge = challenge_of(name)
    return {
        "name": name,
        "signed": f"lesionwise:{challenge}",
        "version": None,
        "title": BRATS_TITLE,
        "year": 2023,
        "source": _BRATS_SOURCE,
        "decides": _BRATS_DECIDES,
        "options": {
            "regions": {region.name: "+".join(map(str, sorted(region.labels or ()))) for region in BRATS_REGIONS},
            "metrics": BRATS_QUANTITIES,
            "lesionwise": challenge,
        },
        "columns": {},
        "pooled": {},
        "statistics": [],
        "missing": {},
        "ranking": None,
    }
