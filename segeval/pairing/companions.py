"""What lies in another folder beside each case: a mask, a weight map, the scan to draw on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from segeval.pairing import layout_of
from segeval.pairing.listing import Listing
from segeval.pairing.records import Pairing
from segeval.readers import Input

_ENTITIES = re.compile(r"(?:^|_)(sub-[A-Za-z0-9]+)(?:_(ses-[A-Za-z0-9]+))?(?:_|$)")

ByCase = Callable[[str], list[Path]]
"""The files of a case: one where it is clear which, several where it is not."""


def files_by_name(files: Iterable[Path], *endings: str) -> ByCase:
    """By the case's name, or that with one of these endings; else, as in BIDS, by subject and session."""
    by_stem: dict[str, list[Path]] = {}
    by_entities: dict[tuple[str, str], list[Path]] = {}
    for path in files:
        stem = Input(path).stem
        by_stem.setdefault(stem, []).append(path)
        if (found := _ENTITIES.search(stem)) is not None:
            by_entities.setdefault((found[1], found[2] or ""), []).append(path)

    def of_case(case: str) -> list[Path]:
        entities = _ENTITIES.search(case)
        groups = [
            *(by_stem.get(case + ending, []) for ending in ("", *endings)),
            by_entities.get((entities[1], entities[2] or ""), []) if entities else [],
        ]
        return next((group for group in groups if len(group) == 1), next(filter(None, groups), []))

    return of_case


def paired_like(pairing: Pairing, folder: Path, references: Path | None, case_pattern: str | None) -> ByCase:
    """Files of a folder by the layout that paired the cases, else by name. Raises UnreadableFile.

    references: the folder that the cases' references lie in; None for a manifest, whose cases have names alone.
    """
    listing = Listing(folder, "references", folder if references is None else references)
    listing.require_volumes()
    named = files_by_name(map(listing.path, listing.files))
    layout = layout_of(pairing, case_pattern)
    if references is None or layout is None:
        return named
    found = layout(Listing(references, "predictions", folder), listing, False)[1]

    def of_case(case: str) -> list[Path]:
        return list(map(listing.path, found.files.get(case, []))) or named(case)

    return of_case
