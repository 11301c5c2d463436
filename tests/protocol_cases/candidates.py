"""Detection maps: candidates with confidences, and references with lesions or without."""

from __future__ import annotations

from collections.abc import Mapping

from detection_maps import thirty_cases

from protocol_cases.case import Case

CANDIDATES: Mapping[str, Case] = {
    f"candidates {number}": Case(reference, found, (0.5, 0.5, 3.0))
    for number, (found, reference) in enumerate(thirty_cases()[:12])
}
FAMILIES = {"candidates": CANDIDATES}
