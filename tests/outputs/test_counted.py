"""What a page counts over cases: who is called what, as shares of the reference; instances."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from page_reports import case, report

from segeval.outputs.html.counted import confusion_facts, instance_facts
from segeval.results.report import ConfusionEntry


def facts(*entries: ConfusionEntry) -> tuple[dict[tuple[int, int], tuple[int, float]], list[str]]:
    one = replace(case("a", (1.0, 1.0), ("organ", "tumour")), confusion=entries)
    found: dict[str, Any] | None = confusion_facts(report([one]))
    assert found is not None
    return {(r, p): (count, share) for r, p, count, share in found["cells"]}, found["words"]


def test_masks_that_overlap_alike_in_both_volumes_are_not_taken_for_each_other() -> None:
    cells, words = facts((0, 0, 72), (1, 1, 72), ((1, 2), (1, 2), 72))
    assert cells == {(0, 0): (72, 1.0), (1, 1): (144, 1.0), (2, 2): (72, 1.0)}
    assert words == []


def test_shares_of_overlapping_masks_are_of_the_references_voxels() -> None:
    """Of the organ's 100 voxels 20 are called tumour, too; half of the tumour's 40 is called organ alone."""
    cells, words = facts((1, 1, 40), (1, (1, 2), 20), ((1, 2), (1, 2), 20), ((1, 2), 1, 20))
    assert cells == {(1, 1): (100, 1.0), (1, 2): (20, 0.2), (2, 1): (20, 0.5), (2, 2): (20, 0.5)}
    assert words == [
        "50.0 % of 2 tumour is called 1 organ (20 voxels)",
        "20.0 % of 1 organ is called 2 tumour (20 voxels)",
    ]


def test_every_instance_is_counted_however_many_there_are() -> None:
    """150,000 cells of nine and ten voxels; a page once showed the first 100,000 and called them all."""
    target = {
        "target": 1,
        "matches": [{"reference": {"voxels": 9 + n % 2}} for n in range(20_000)],
        "missed": [{"voxels": 9}] * 10_000,
        "invented": [],
    }
    cells = report([replace(case(f"c{n}", (1.0,), ("cell",)), details={"instances": [target]}) for n in range(5)])
    assert instance_facts(cells) == [
        {"target": 1, "voxels": 9, "outcome": "found", "n": 50_000},
        {"target": 1, "voxels": 10, "outcome": "found", "n": 50_000},
        {"target": 1, "voxels": 9, "outcome": "missed", "n": 50_000},
    ]
