"""What the cases' JSON holds beside values, added over the cases: confusion, threshold curves, sizes of instances."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from segeval.outputs.cells import label_text
from segeval.results.columns import finite
from segeval.results.report import Report

_MOST_LABELS = 150
_MOST_WORDS = 10
_MOST_POINTS = 400
_NO_CURVES: Mapping[str, Any] = {"targets": ()}


def confusion_facts(report: Report) -> dict[str, Any] | None:
    """(reference, prediction) voxels of all cases, each as a share of the reference's; None where there are none.

    Labels as stored; beyond so many, those with the most voxels in the reference. A voxel of overlapping masks counts
    for each of its labels; two that both volumes have there are not taken for each other.
    """
    voxels: dict[tuple[int, int], int] = defaultdict(int)
    totals: dict[int, int] = defaultdict(int)
    for case in report.cases:
        for reference, prediction, count in case.confusion:
            there = reference if isinstance(reference, tuple) else (reference,)
            found = prediction if isinstance(prediction, tuple) else (prediction,)
            for r in there:
                totals[r] += count
                for p in found:
                    if r == p or r not in found or p not in there:
                        voxels[r, p] += count
    labels = sorted(sorted(totals, key=lambda label: (-totals[label], label))[:_MOST_LABELS])
    if len(totals) < 2:
        return None
    names = {
        row.label: row.name for case in report.cases for row in case.rows if row.name and isinstance(row.label, int)
    }
    cells: list[tuple[int, int, int, float]] = [
        (r, p, count, count / totals[r]) for (r, p), count in sorted(voxels.items()) if r in labels and totals[r] > 0
    ]
    return {
        "labels": [
            {"label": label, "text": _text(label, names)} for label in sorted({*labels, *(p for _, p, *_ in cells)})
        ],
        "cells": cells,
        "left_out": len(totals) - len(labels),
        "words": _largest(cells, names),
    }


def _largest(cells: list[tuple[int, int, int, float]], names: Mapping[int, str]) -> list[str]:
    """The largest confusions among labels, and what is lost to the background or taken from it."""
    wrong = [(share, r, p, count) for r, p, count, share in cells if r != p and r != 0 and share >= 0.001]
    wrong.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    return [
        f"{100 * share:.1f} % of {_text(r, names)} is called {_text(p, names)} ({count} voxels)"
        for share, r, p, count in wrong[:_MOST_WORDS]
    ]


def _text(label: int, names: Mapping[int, str]) -> str:
    if label == 0 and not names.get(0):
        return "background"
    return label_text(label, names.get(label))


def curve_facts(report: Report) -> list[dict[str, Any]]:
    """By label: what each threshold makes of the probabilities, the cases' voxels added; empty where not measured."""
    found: dict[Any, _Curve] = {}
    names = {row.label: row.name for case in report.cases for row in case.rows}
    for case in report.cases:
        curves = case.details.get("curves", _NO_CURVES)
        for target in curves["targets"]:
            if target["target"] in names:
                curve = _Curve(
                    np.array(curves["thresholds"]),
                    *(np.array(target[name], np.int64) for name in ("tp", "fp", "n", "reference")),
                )
                known = found.get(target["target"])
                found[target["target"]] = curve if known is None else known + curve
    chosen = report.settings.get("threshold")
    return [_curve_document(target, names[target], curve, chosen) for target, curve in found.items()]


class _Curve(Struct, frozen=True):
    """Voxels at or above each threshold, inside and outside the reference; all voxels, and the reference's."""

    thresholds: Any
    tp: Any
    fp: Any
    n: Any
    reference: Any

    def __add__(self, other: _Curve) -> _Curve:
        return _Curve(
            self.thresholds,
            self.tp + other.tp,
            self.fp + other.fp,
            self.n + other.n,
            self.reference + other.reference,
        )


def _curve_document(target: Any, name: str | None, curve: _Curve, chosen: float | None) -> dict[str, Any]:
    """ROC, precision–recall and reliability of a label, thinned to what a chart shows."""
    inside, outside = int(curve.reference), int(curve.n) - int(curve.reference)
    order = np.argsort(-curve.thresholds, kind="stable")
    tp, fp = curve.tp[order], curve.fp[order]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "threshold": curve.thresholds[order],
            "sensitivity": tp / inside,
            "fpr": fp / outside,
            "precision": tp / (tp + fp),
            "dice": 2 * tp / (tp + fp + inside),
        }

    def point(place: int) -> dict[str, float | None]:
        return {name: finite(column[place]) for name, column in values.items()}

    kept = np.unique(np.linspace(0, len(order) - 1, min(len(order), _MOST_POINTS)).round().astype(int))
    best = np.nanargmax(values["dice"]) if np.isfinite(values["dice"]).any() else None
    at_chosen = np.flatnonzero(values["threshold"] == chosen)
    return {
        "target": target,
        "text": label_text(target, name),
        "points": [point(place) for place in kept],
        "best": None if best is None else point(int(best)),
        "chosen": point(int(at_chosen[0])) if at_chosen.size else None,
        "reliability": _reliability(curve.thresholds, curve.tp, curve.fp),
    }


def _reliability(thresholds: Any, tp: Any, fp: Any, bins: int = 16) -> list[dict[str, Any]]:
    """Of the voxels of each stretch of probabilities, the share that lies in the reference."""
    order = np.argsort(thresholds, kind="stable")
    at, inside, outside = thresholds[order], tp[order], fp[order]
    edges = np.linspace(0, 1, bins + 1)
    found = []
    for low, high in pairwise(edges):
        first, last = np.searchsorted(at, [low, high if high < 1 else np.inf], side="left")
        if first >= len(at):
            continue
        hits = int(inside[first]) - (int(inside[last]) if last < len(at) else 0)
        misses = int(outside[first]) - (int(outside[last]) if last < len(at) else 0)
        if hits + misses:
            found.append({"low": float(low), "high": float(high), "share": hits / (hits + misses), "n": hits + misses})
    return found


def instance_facts(report: Report) -> list[dict[str, Any]]:
    """Of all cases: how many instances of so many voxels were found, missed or invented."""
    found = Counter(
        (target["target"], outcome, instance["voxels"])
        for case in report.cases
        for target in case.details.get("instances") or case.details.get("lesions") or ()
        for outcome, instances in _outcomes(target)
        for instance in instances
    )
    return [{"target": t, "voxels": voxels, "outcome": outcome, "n": n} for (t, outcome, voxels), n in found.items()]


def _outcomes(target: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
    yield "found", (match["reference"] for match in target["matches"])
    yield "missed", target["missed"]
    yield "invented", target["invented"]
