"""nnU-Net's summary.json: its keys, its numbers by NumPy from voxels, its means."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.cli.writing import require_renderable
from segeval.errors import UsageError
from segeval.outputs.nnunet import render_nnunet
from segeval.results.report import CaseResult, Column, Report, Row

NAN = math.nan
FAILED = CaseResult("b", "p/b", "r/b", status="error", reason="p/b: the gzip stream ends early")
MISSING = CaseResult("c", None, "r/c", status="missing", reason="there is no prediction")
NNUNET = tuple(Column(key, "overlap") for key in ("dice", "iou", "tp", "fp", "fn", "tn", "ref_voxels", "pred_voxels"))
METRICS = ["Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"]


def volumes() -> list[tuple[np.ndarray, np.ndarray]]:
    """Three cases of (prediction, reference); label 3 is in none of the first, nowhere in the second."""
    generator = np.random.default_rng(0)
    return [(generator.integers(0, high, (4, 5, 6)), generator.integers(0, high, (4, 5, 6))) for high in (4, 3, 4)]


def by_numpy(p: np.ndarray, r: np.ndarray, labels: tuple[int, ...]) -> dict[str, float]:
    p, r = np.isin(p, labels), np.isin(r, labels)
    tp, fp, fn, tn = (int(a.sum()) for a in (p & r, p & ~r, ~p & r, ~p & ~r))
    some = tp + fp + fn > 0
    return {
        "Dice": 2 * tp / (2 * tp + fp + fn) if some else NAN, "FN": fn, "FP": fp,
        "IoU": tp / (tp + fp + fn) if some else NAN, "TN": tn, "TP": tp, "n_pred": tp + fp, "n_ref": tp + fn,
    }  # fmt: skip


def row_by_numpy(p: np.ndarray, r: np.ndarray, label: int | str, members: tuple[int, ...]) -> Row:
    m = by_numpy(p, r, members)
    names = {"dice": "Dice", "iou": "IoU", "tp": "TP", "fp": "FP", "fn": "FN", "tn": "TN", "ref_voxels": "n_ref",
             "pred_voxels": "n_pred"}  # fmt: skip
    return Row(label, None, {key: m[name] for key, name in names.items()})


def nnunet_report(targets: dict[int | str, tuple[int, ...]], settings: dict[str, Any], auto: bool = False) -> Report:
    cases = []
    for number, (p, r) in enumerate(volumes()):
        rows = [
            row_by_numpy(p, r, label, members)
            for label, members in targets.items()
            if not auto or np.isin(members, [p, r]).any()
        ]
        cases.append(CaseResult(f"c{number}", f"pred/c{number}.nii.gz", f"ref/c{number}.nii.gz", tuple(rows)))
    cases.insert(1, FAILED)
    cases.append(MISSING)
    return Report("s", settings, NNUNET, tuple(cases), summary=())


def as_nnunet_reads(key: str) -> int | tuple[int, ...]:
    try:
        return int(key)
    except ValueError:
        return tuple(int(part) for part in key.strip("()").split(","))


def check_nnunet(document: dict[str, Any], targets: dict[str, tuple[int, ...]]) -> None:
    """Keys, per-case values and both means, as nnU-Net aggregates them."""
    assert sorted(document) == ["foreground_mean", "mean", "metric_per_case"]
    assert set(document["mean"]) == set(targets)
    per_case = [{key: by_numpy(p, r, members) for key, members in targets.items()} for p, r in volumes()]
    assert len(document["metric_per_case"]) == 3
    for number, (found, expected) in enumerate(zip(document["metric_per_case"], per_case, strict=True)):
        assert found["prediction_file"] == f"pred/c{number}.nii.gz"
        assert found["reference_file"] == f"ref/c{number}.nii.gz"
        for key, metrics in expected.items():
            assert sorted(found["metrics"][key]) == METRICS
            np.testing.assert_equal(found["metrics"][key], metrics)
    for metric in METRICS:
        means = {key: np.nanmean([case[key][metric] for case in per_case]) for key in targets}
        for key, mean in means.items():
            assert document["mean"][key][metric] == pytest.approx(mean, rel=1e-14)
        foreground = np.mean([mean for key, mean in means.items() if key != "0"])
        assert document["foreground_mean"][metric] == pytest.approx(foreground, rel=1e-14)


@pytest.mark.parametrize("auto", [False, True])
def test_nnunet_holds_labels_as_nnunet_counts_them(auto: bool) -> None:
    text = render_nnunet(nnunet_report({0: (0,), 1: (1,), 2: (2,), 3: (3,)}, {"labels": "auto"}, auto))
    assert "NaN" in text  # label 3 is in neither volume of the second case
    check_nnunet(json.loads(text), {"0": (0,), "1": (1,), "2": (2,), "3": (3,)})
    assert text.splitlines()[1] == '    "foreground_mean": {'


def test_nnunet_names_regions_by_their_labels() -> None:
    regions = {"whole": [1, 2, 3], "core": [2, 3], "enhancing": [3]}
    targets: dict[int | str, tuple[int, ...]] = {"whole": (1, 2, 3), "core": (2, 3), "enhancing": (3,)}
    document = json.loads(render_nnunet(nnunet_report(targets, {"labels": [], "regions": regions})))
    check_nnunet(document, {"(1, 2, 3)": (1, 2, 3), "(2, 3)": (2, 3), "3": (3,)})
    assert [as_nnunet_reads(key) for key in document["mean"]] == [(1, 2, 3), (2, 3), 3]


@pytest.mark.parametrize("labels", ["auto", [1, 2, 3]])
def test_nnunet_names_the_region_of_all_labels_by_what_they_are(labels: Any) -> None:
    targets: dict[int | str, tuple[int, ...]] = {1: (1,), 2: (2,), 3: (3,), "fg": (1, 2, 3)}
    document = json.loads(render_nnunet(nnunet_report(targets, {"labels": labels, "regions": {"fg": "*"}})))
    check_nnunet(document, {"1": (1,), "2": (2,), "3": (3,), "(1, 2, 3)": (1, 2, 3)})


def test_nnunet_refuses_a_region_whose_labels_nobody_knows() -> None:
    with pytest.raises(UsageError, match=r"write fg=1\+2\+3"):
        render_nnunet(nnunet_report({"fg": (1, 2)}, {"labels": "auto", "regions": {"fg": "*"}}))


def test_nnunet_foreground_mean_is_undefined_where_a_label_is_everywhere() -> None:
    document = json.loads(render_nnunet(nnunet_report({1: (1,), 9: (9,)}, {})))
    assert math.isnan(document["mean"]["9"]["Dice"])
    assert math.isnan(document["foreground_mean"]["Dice"])  # np.mean over the labels, as nnU-Net has it
    assert document["mean"]["9"]["TN"] == 120


def test_nnunet_of_failures_alone_is_still_readable() -> None:
    document = json.loads(render_nnunet(Report("s", {}, NNUNET, (FAILED,), summary=())))
    assert document["metric_per_case"] == []
    assert math.isnan(document["foreground_mean"]["Dice"])


def test_nnunet_needs_its_quantities(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs fn, fp, tn, pred_voxels, ref_voxels too"):
        render_nnunet(Report("s", {}, NNUNET[:3], ()))  # dice, iou, tp
    with pytest.raises(UsageError, match="needs fn, fp, iou"):
        require_renderable("nnunet", [], ["dice", "tp", "ce"], {})
    require_renderable("nnunet", [tmp_path / "x.json"], [column.key for column in NNUNET], {})
