"""What counting a part gave, as JSON, and back: the same numbers, bit for bit. Arrays are compressed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from segeval.batches.line_journal import Line
from segeval.cases.counting import LabelResult, SoftResult
from segeval.cases.parts import PartResult
from segeval.cases.region_plan import Plan
from segeval.cases.regions import FoundRegions
from segeval.kernels import ValuesSeen
from segeval.kernels.boxes import Box
from segeval.shapes.cavities import Background
from segeval.shapes.facts import Summed
from segeval.shapes.near import Offsets
from segeval.shapes.pairs import Pairs
from segeval.shapes.regions import Region, RegionPair
from segeval.shapes.rims import Rim, Rims
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.tally import Tally, TallyOptions

OF_ANOTHER_MAKING = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
_LEVEL = 1


class PartLine(Line):
    """A part in a journal, as `part_document` has it."""

    part: dict[str, Any]


def part_document(result: PartResult) -> dict[str, Any]:
    """As plain dicts and lists."""
    regions = None if result.regions is None else _found_document(result.regions)
    if isinstance(result, LabelResult):
        return {"tally": tally_document(Tally(TallyOptions(), result.confusion)), "regions": regions}
    seen = result.seen
    return {
        "tally": tally_document(result.tally),
        "seen": [seen.low.hex(), seen.high.hex(), seen.not_finite, seen.sum_error.hex()],
        "reference": [[value, count] for value, count in result.reference_counts.items()],
        "regions": regions,
    }


def part_of(document: Mapping[str, Any]) -> PartResult:
    """The result that this was written of. Raises `OF_ANOTHER_MAKING` for another document."""
    tally, found = tally_of(document["tally"]), document["regions"]
    regions = None if found is None else _found_of(found)
    if "seen" not in document:
        if tally.confusion is None:
            raise ValueError("no joint histogram")
        return LabelResult(tally.confusion, regions=regions)
    low, high, not_finite, off = document["seen"]
    seen = ValuesSeen(float.fromhex(low), float.fromhex(high), not_finite, float.fromhex(off))
    counts = {value: count for value, count in document["reference"]}  # noqa: C416 (lists of two)
    return SoftResult(tally, seen, counts, regions=regions)


def _found_document(found: FoundRegions) -> dict[str, Any]:
    return {
        "plan": msgspec.to_builtins(found.plan, str_keys=True),
        "pairs": [{name: _pair_document(pair) for name, pair in each.items()} for each in found.pairs],
        "backgrounds": [
            [[[value, _background_document(one)] for value, one in side.items()] for side in sides]
            for sides in found.backgrounds
        ],
        "near": [
            [
                [value, [[_packed(side.offsets), _packed(side.counts)] for side in sides]]
                for value, sides in near.items()
            ]
            for near in found.near
        ],
        "hidden": [
            [[value, [[side.start, side.stop] for side in box]] for value, box in boxes.items()]
            for boxes in found.hidden
        ],
    }


def _found_of(document: Mapping[str, Any]) -> FoundRegions:
    backgrounds = [
        [{value: _background_of(one) for value, one in side} for side in sides] for sides in document["backgrounds"]
    ]
    prediction, reference = ({value: _box_of(box) for value, box in boxes} for boxes in document["hidden"])
    return FoundRegions(
        msgspec.convert(document["plan"], Plan, strict=False),
        tuple({name: _pair_of(pair) for name, pair in each.items()} for each in document["pairs"]),
        tuple((one, other) for one, other in backgrounds),
        (prediction, reference),
        tuple({value: _near_of(sides) for value, sides in near} for near in document["near"]),
    )


def _near_of(sides: list[Any]) -> tuple[Offsets, Offsets]:
    there, back = (Offsets(_array(offsets), _array(counts)) for offsets, counts in sides)
    return there, back


def _box_of(sides: list[list[int]]) -> Box:
    return tuple(slice(start, stop) for start, stop in sides)


def _pair_document(pair: RegionPair) -> dict[str, Any]:
    return {
        "sides": [_region_document(side) for side in (pair.prediction, pair.reference)],
        "pairs": [_packed(array) for array in (pair.pairs.reference, pair.pairs.prediction, pair.pairs.voxels)],
    }


def _pair_of(document: Mapping[str, Any]) -> RegionPair:
    prediction, reference = map(_region_of, document["sides"])
    return RegionPair(prediction, reference, Pairs(*map(_array, document["pairs"])))


def _region_document(region: Region) -> dict[str, Any]:
    sums = region.components
    arrays = sums.numbers, sums.codes, sums.voxels, sums.positions, sums.low, sums.high, sums.first
    return {
        "sums": [_packed(array) for array in arrays],
        "rims": _rims_document(region.rims),
        "cells": [[value, count] for value, count in region.cells.items()],
    }


def _region_of(document: Mapping[str, Any]) -> Region:
    cells = {value: count for value, count in document["cells"]}  # noqa: C416 (lists of two)
    return Region(Summed(*map(_array, document["sums"])), _rims_of(document["rims"]), cells)


def _background_document(background: Background) -> list[Any]:
    return [background.count, _rims_document(background.rims), sorted(background.corners)]


def _background_of(document: list[Any]) -> Background:
    count, rims, corners = document
    return Background(count, _rims_of(rims), frozenset(map(tuple, corners)))


def _rims_document(rims: Rims) -> list[Any]:
    return [
        [place, [[rim.sides, _packed(rim.numbers), _packed(rim.lengths)] for rim in known]]
        for place, known in rims.items()
    ]


def _rims_of(document: list[Any]) -> Rims:
    return {
        tuple((first, behind) for first, behind in place): tuple(
            Rim(tuple(sides), _array(numbers), _array(lengths)) for sides, numbers, lengths in known
        )
        for place, known in document
    }


def _packed(array: NDArray[np.int64]) -> list[Any]:
    text = base64.b64encode(zlib.compress(np.ascontiguousarray(array, dtype="<i8").tobytes(), _LEVEL))
    return [list(array.shape), text.decode("ascii")]


def _array(packed: list[Any]) -> NDArray[np.int64]:
    shape, text = packed
    try:
        found = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8")
    except zlib.error as problem:
        raise ValueError(str(problem)) from None
    return found.reshape(shape).astype(np.int64)  # a copy, which may be written to
