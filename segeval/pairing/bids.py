"""BIDS derivatives: entities name the case, in whatever folder the file lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from segeval.pairing.cases import NPZ, BothSides, Cases, file_stem, label_map_or_npz
from segeval.pairing.listing import Listing

_SUFFIXES = ("dseg", "probseg", "mask")
_NOT_OF_THE_CASE = frozenset(["desc", "space", "res", "den"])  # how a map was made, not what it shows
_ORDER = [
    "sub",
    "ses",
    "sample",
    "task",
    "tracksys",
    "acq",
    "ce",
    "trc",
    "stain",
    "rec",
    "dir",
    "run",
    "mod",
    "echo",
    "flip",
    "inv",
    "mt",
    "part",
    "proc",
    "hemi",
    "split",
    "recording",
    "chunk",
    "atlas",
    "seg",
    "label",
]
"""The order in which BIDS writes entities; others follow by name."""

_PLACES = {entity: place for place, entity in enumerate(_ORDER)}


class _Map(NamedTuple):
    file: str
    stem: str
    suffix: str


_Maps = dict[str, list[_Map]]


def by_bids(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """Equal entities but for desc, space, res and den; names ending in ``_dseg``, ``_probseg`` or ``_mask``.

    Where a side has several such files, equal full names belong together, then equal suffixes.
    """
    ours, theirs = Cases(), Cases()
    found = _maps(predictions, ours, probabilities), _maps(references, theirs, False)
    for case in found[0].keys() | found[1].keys():
        for name, p, r in _told_apart(case, found[0].get(case, []), found[1].get(case, [])):
            if p:
                ours.files[name] = [one.file for one in p]
            if r:
                theirs.files[name] = [one.file for one in r]
    return ours, theirs


def _maps(listing: Listing, cases: Cases, probabilities: bool) -> _Maps:
    """One side's maps by case."""
    found: _Maps = {}
    for file in listing.files:
        if not file.lower().endswith((".nii", ".nii.gz", NPZ)):
            continue
        name = file_stem(file)
        *entities, suffix = name.split("_")
        if suffix not in _SUFFIXES or not name.startswith("sub-"):
            continue
        case = _case_of(entities)
        if case is None:
            cases.give_up(
                f"{file}: its name is not made of BIDS entities, each a key and a value once (sub-01_ses-02_dseg)", 1
            )
        else:
            found.setdefault(case, []).append(_Map(file, name, suffix))
    return {case: _of_one_kind(maps, probabilities) for case, maps in found.items()}


def _case_of(entities: list[str]) -> str | None:
    """The entities of the case in BIDS order; None where they are none."""
    pairs = [entity.partition("-")[::2] for entity in entities]
    if len({key for key, _ in pairs}) < len(pairs) or not all(key and value for key, value in pairs):
        return None
    kept = sorted((_PLACES.get(key, len(_PLACES)), key, value) for key, value in pairs if key not in _NOT_OF_THE_CASE)
    return "_".join(f"{key}-{value}" for _, key, value in kept)


def _of_one_kind(maps: list[_Map], probabilities: bool) -> list[_Map]:
    """Of a label map and the probabilities of the same case those that are asked for."""
    if len(maps) == 1:
        return maps
    wanted = set(label_map_or_npz([one.file for one in maps], probabilities))
    maps = [one for one in maps if one.file in wanted]
    soft = [one for one in maps if one.suffix == "probseg"]
    hard = [one for one in maps if one.suffix != "probseg"]
    return (soft or maps) if probabilities else (hard or maps)


def _told_apart(case: str, ours: list[_Map], theirs: list[_Map]) -> Iterator[tuple[str, list[_Map], list[_Map]]]:
    """Groups of maps that belong together, each with a name of its own."""
    if max(len(ours), len(theirs)) <= 1:
        yield case, ours, theirs
        return
    p, r = _by(lambda one: one.stem, ours), _by(lambda one: one.stem, theirs)
    prefix = ""
    if not p.keys() & r.keys() and len({one.suffix for one in (*ours, *theirs)}) > 1:
        p, r = _by(lambda one: one.suffix, ours), _by(lambda one: one.suffix, theirs)
        prefix = f"{case}_"
    for name in sorted(p.keys() & r.keys()):
        yield prefix + name, p.pop(name), r.pop(name)
    ours, theirs = list(chain.from_iterable(p.values())), list(chain.from_iterable(r.values()))
    if ours and theirs:
        yield case, ours, theirs
        return
    for name, maps in _by(lambda one: one.stem, ours or theirs).items():
        yield name, *((maps, []) if ours else ([], maps))


def _by(key: Callable[[_Map], str], maps: list[_Map]) -> _Maps:
    groups: _Maps = {}
    for one in maps:
        groups.setdefault(key(one), []).append(one)
    return groups
