"""Detection over cases, against picai_eval 1.4, pycocotools 2.0 and an example by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arrays import row
from detection_maps import thirty_cases

from segeval import evaluate_arrays
from segeval.errors import LabelError
from segeval.quantities import candidates as formulas
from segeval.shapes.candidates import candidates_of
from segeval.tallies.detections import CaseDetections, Cases, Detections

Run = Callable[..., Any]
Nifti = Callable[..., Path]

PICAI = {  # of the thirty cases, by picai_eval at commit 81d6067: AP, AUROC, lesions found at 1/8 … 8
    0.1: (0.3812372361891811, 0.6428571428571429, (6, 9, 12, 18, 24, 24, 24)),
    0.5: (0.05853627713184112, 0.6428571428571429, (0, 0, 3, 5, 12, 12, 12)),
}
LESIONS = 35
COCO = {0.1: 0.39058623281355453, 0.25: 0.14986410405746453, 0.5: 0.06930693069306931, 0.75: 0.005043900616476743}
COCO_MEAN = 0.01798617597608818


def value(formula: Any, cases: Cases, **settings: float) -> float:
    return float(formula([cases], **settings)[0])


@pytest.fixture(scope="module")
def thirty() -> Cases:
    return tuple(candidates_of("map", found.astype(float), true > 0, None) for found, true in thirty_cases())


def case(lesions: int, confidences: list[float], pairs: list[tuple[int, int, float]]) -> CaseDetections:
    """pairs: (lesion, candidate, IoU)."""
    places = np.array([each[:2] for each in pairs], dtype=np.int64).reshape(-1, 2).T
    return CaseDetections(lesions, np.array(confidences), places, np.array([each[2] for each in pairs]))


BY_HAND = (
    case(2, [0.9, 0.6], [(0, 0, 0.5)]),  # found by 0.9; missed; 0.6 is invented
    case(1, [0.5, 0.4], [(0, 0, 0.3), (0, 1, 0.2)]),  # found by 0.5; 0.4 overlaps enough and is left out
    case(0, [0.7], []),
    case(0, [], []),
)


def test_four_cases_by_hand() -> None:
    """Hits 0.9, 0.5 and a miss; 0.7 and 0.6 invented: precision 1 at recall 1/3, 2/4 at recall 2/3."""
    assert value(formulas.lesion_ap, BY_HAND) == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 4)
    assert value(formulas.froc, BY_HAND, rate=0.25) == pytest.approx(1 / 3)  # 0.7 is the first of four cases' quarter
    assert value(formulas.froc, BY_HAND, rate=0.5) == pytest.approx(2 / 3)
    assert value(formulas.froc, BY_HAND) == pytest.approx((2 * 1 / 3 + 5 * 2 / 3) / 7)
    assert value(formulas.case_auroc, BY_HAND) == pytest.approx((1 + 1 + 0 + 1) / 4)  # 0.9, 0.5 against 0.7, 0
    assert value(formulas.lesion_ap, BY_HAND, iou=0.4) == pytest.approx(1 / 3)  # the second case's become false
    assert value(formulas.instance_ap, BY_HAND, iou=0.5) == pytest.approx(34 / 101)  # recall 1/3, precision 1


@pytest.mark.parametrize("iou", PICAI)
def test_thirty_cases_are_those_of_picai_eval(iou: float, thirty: Cases) -> None:
    ap, auroc, found = PICAI[iou]
    assert sum(each.lesions for each in thirty) == LESIONS
    assert value(formulas.lesion_ap, thirty, iou=iou) == pytest.approx(ap, rel=1e-12)
    assert value(formulas.case_auroc, thirty) == pytest.approx(auroc, rel=1e-12)
    sensitivities = [value(formulas.froc, thirty, iou=iou, rate=rate) for rate in formulas.RATES]
    assert sensitivities == pytest.approx([each / LESIONS for each in found])
    assert value(formulas.froc, thirty, iou=iou) == pytest.approx(sum(found) / LESIONS / 7)


def test_thirty_cases_are_those_of_pycocotools(thirty: Cases) -> None:
    for iou, expected in COCO.items():
        assert value(formulas.instance_ap, thirty, iou=iou) == pytest.approx(expected, rel=1e-12)
    assert value(formulas.instance_map, thirty) == pytest.approx(COCO_MEAN, rel=1e-12)


def test_picais_own_ten_cases() -> None:
    """Its tests' record: AP 5/18, AUROC 0.75. In case 6 a candidate of 2 overlaps enough, too."""
    pairs = {4: (1, 1.0, 1 / 3), 5: (1, 1.0, 9 / 41), 6: (1, 1.0, 1 / 3), 7: (2, 1.0, 1 / 3), 8: (2, 1.0, 5 / 11)}
    cases = {
        **dict.fromkeys((0,), case(0, [], [])),
        1: case(1, [], []),
        2: case(0, [1.0], []),
        3: case(1, [1.0], []),
        9: case(1, [1.0], []),
        **{number: case(lesions, [hit], [(0, 0, iou)]) for number, (lesions, hit, iou) in pairs.items()},
    }
    cases[5] = case(1, [1.0, 2.0], [(0, 0, 9 / 41)])
    cases[6] = case(1, [1.0, 2.0], [(0, 0, 1 / 3), (0, 1, 0.2)])
    ten = tuple(cases[number] for number in range(10))
    assert value(formulas.lesion_ap, ten) == pytest.approx(5 / 18)
    assert value(formulas.case_auroc, ten) == pytest.approx(0.75)


def test_what_no_case_can_tell_is_undefined() -> None:
    without = (case(0, [0.5], []), case(0, [], []))
    with_lesions = (case(1, [0.5], [(0, 0, 1.0)]),)
    for formula in (formulas.lesion_ap, formulas.froc, formulas.instance_ap, formulas.instance_map):
        assert np.isnan(value(formula, without))
        assert value(formula, with_lesions) == 1.0
        assert value(formula, (case(2, [], []),)) == 0.0
    assert np.isnan(value(formulas.case_auroc, without))
    assert np.isnan(value(formulas.case_auroc, with_lesions))
    assert np.isnan(formulas.lesion_ap([None])[0])


def test_detections_add_and_a_target_that_a_case_lacks_has_nothing_there() -> None:
    a, b = BY_HAND[:2]
    both = Detections(1, {1: (a,)}) + Detections(1, {2: (b,)})
    assert both.count == 2
    assert [each.lesions for each in both.cases(1)] == [2, 0]
    assert [each.lesions for each in both.cases(2)] == [0, 1]
    assert [each.lesions for each in both.cases(3)] == [0, 0]


# Through the doors


def test_one_case_of_arrays(thirty: Cases) -> None:
    number = next(n for n, (found, true) in enumerate(thirty_cases()) if found.any() and true.any())
    values = row(evaluate_arrays(*thirty_cases()[number], metrics="detection_maps,froc:rate=1"), 1).values
    for name in ("lesion_ap", "froc", "instance_ap", "instance_map"):
        assert values[name] == pytest.approx(value(getattr(formulas, name), thirty[number : number + 1]))
    assert values["froc:rate=1"] == pytest.approx(value(formulas.froc, thirty[number : number + 1], rate=1))
    assert np.isnan(values["case_auroc"])


def test_a_batch_is_judged_as_a_whole(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    for number, (found, true) in enumerate(thirty_cases()):
        nifti(f"p/case_{number:02}.nii.gz", found)
        nifti(f"r/case_{number:02}.nii.gz", true)
    asked = (
        "batch",
        tmp_path / "p",
        tmp_path / "r",
        "--metrics",
        "lesion_ap,case_auroc,froc,froc:rate=0.5,instance_ap",
    )
    for more in (("--workers", "2"), ("--workers", "1", "--resume")):
        run = segeval(*asked, *more, "-o", tmp_path / "x.json")
        assert run.code == 0, run.err
        (pooled,) = [r for r in json.loads((tmp_path / "x.json").read_text())["pooled"] if r["label"] == 1]
        assert pooled["lesion_ap"] == pytest.approx(PICAI[0.1][0], rel=1e-12)
        assert pooled["case_auroc"] == pytest.approx(PICAI[0.1][1], rel=1e-12)
        assert pooled["froc"] == pytest.approx(sum(PICAI[0.1][2]) / LESIONS / 7)
        assert pooled["froc:rate=0.5"] == pytest.approx(PICAI[0.1][2][2] / LESIONS)
        assert pooled["instance_ap"] == pytest.approx(COCO[0.5], rel=1e-12)


def test_the_json_of_a_case_lists_its_candidates(thirty: Cases) -> None:
    number = next(n for n, each in enumerate(thirty) if each.iou.size > 1)
    case = thirty[number]
    (found,) = evaluate_arrays(*thirty_cases()[number], metrics="froc").cases[0].document()["candidates"]
    assert (found["target"], found["lesions"]) == (1, case.lesions)
    assert found["confidences"] == pytest.approx(case.confidences.tolist())
    assert [each[:2] for each in found["overlaps"]] == case.pairs.T.tolist()
    assert [each[2] for each in found["overlaps"]] == pytest.approx(case.iou.tolist())


def test_a_missing_map_misses_every_lesion(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    """As an empty one does, whose kind its zeros do not tell."""
    cases = [each for each in thirty_cases() if each[1].any() and each[0].any()][:4]
    for number, (found, true) in enumerate(cases):
        nifti(f"p/{number}.nii.gz", found if number else np.zeros_like(found))
        nifti(f"r/{number}.nii.gz", true)
    asked = ("batch", tmp_path / "p", tmp_path / "r", "--metrics", "lesion_ap,froc", "--workers", "1", "-f", "json")
    before = segeval(*asked)
    (tmp_path / "p/0.nii.gz").unlink()
    after = segeval(*asked, "--missing", "worst")
    assert (before.code, after.code, before.json["remarks"], after.json["remarks"]) == (0, 0, [], [])
    assert after.json["pooled"] == before.json["pooled"]


def test_a_softmax_is_no_detection_map() -> None:
    soft = np.random.default_rng(1).random((6, 6, 6))
    with pytest.raises(
        LabelError, match=r"the prediction: holds 216 values above 0 in 1 connected component\(s\): it is"
    ):
        evaluate_arrays(soft, soft > 0.5, metrics="lesion_ap", kind="probabilities")


def test_a_label_maps_objects_have_confidence_1() -> None:
    reference, prediction = np.array([[1, 1, 0, 1, 1, 0, 0]]), np.array([[1, 1, 0, 0, 0, 0, 1]])
    values = row(evaluate_arrays(prediction, reference, metrics="lesion_ap,froc:rate=1,froc:rate=0.5"), 1).values
    assert values["lesion_ap"] == pytest.approx(1 / 2 * 1 / 2)
    assert values["froc:rate=1"] == pytest.approx(1 / 2)
    assert values["froc:rate=0.5"] == 0


def test_voxels_outside_of_a_mask_hold_no_lesion() -> None:
    found, true = next(each for each in thirty_cases() if each[1].any() and each[0].any())
    mask = np.zeros(true.shape)
    mask[:9] = 1
    values = row(evaluate_arrays(found, true, mask=mask, metrics="detection_maps"), 1).values
    emptied = row(
        evaluate_arrays(found * mask.astype(np.float32), true * (mask > 0), metrics="detection_maps", labels=[1]), 1
    )
    assert values == pytest.approx(dict(emptied.values), nan_ok=True)
