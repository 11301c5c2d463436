"""What is meant by a name that no quantity has. The numbers behind a synonym are held to the tool whose word it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from medpy.metric import binary
from numpy.typing import NDArray

from segeval import evaluate_arrays
from segeval.choices import GROUPS
from segeval.quantities import all_quantities, select
from segeval.quantities.naming import did_you_mean, meanings
from segeval.quantities.quantity import QUANTITIES

BOTH_AVERAGES = ["assd (both boundaries together)", "masd (the mean of both directions)"]
WORDS = {  # the definitions' own list first
    "jaccard": ["iou"],
    "dsc": ["dice"],
    "f1": ["dice"],
    "recall": ["sensitivity"],
    "tpr": ["sensitivity"],
    "tnr": ["specificity"],
    "ppv": ["precision"],
    "miou": ["iou, in the row mean"],
    "hausdorff": ["hd"],
    "hd100": ["hd"],
    "asd": BOTH_AVERAGES,
    "msd": BOTH_AVERAGES,
    "nsd2": ["nsd:tau=2"],
    "surface_dice": ["nsd"],
    "rvd": ["relative_volume_difference"],
    "vs": ["volume_similarity"],
    "ravd": ["relative_volume_difference (signed, as MedPy's ravd is)"],
    "gdl": ["gdl_v"],
    "focal_loss": ["focal"],
    "pixel_accuracy": ["accuracy, in the row all"],
    "f1_score": ["dice"],
    "F1-score": ["dice"],
    "mIoU": ["iou, in the row mean"],
    "Dice coefficient": ["dice"],
    "dice_metric": ["dice"],
    "Hausdorff distance": ["hd"],
    "HausdorffDistance95": ["hd95"],
    "hd99": ["hd:p=99"],
    "dice_loss": ["soft_dice"],
    "auc": ["auroc"],
    "panoptic_quality": ["pq"],
    "rq": ["instance_f1"],
    "jaccard_distance": ["iou (jaccard_distance is 1 − iou)"],
    "fallout": ["fpr"],
    "youden": ["informedness"],
    "f2": ["f_beta:beta=2"],
    "qwk": ["weighted_kappa:weights=quadratic"],
    "n_ref": ["ref_voxels"],
    "weighted_cross_entropy": ["weighted_ce", "wce"],
    "DICE": ["dice"],
    "IoU": ["iou"],
    "soft-dice": ["soft_dice"],
    "Overlap": ["overlap"],
    "hausdorff:p=95": ["hd"],
    "ari": ["adjusted_rand"],
    "vi": ["voi"],
    "normalized_mutual_information": ["nmi"],
    "ARAND": ["adapted_rand_error"],
}
MISSPELLED = {
    "dicee": "dice",
    "jacard": "iou",
    "recal": "sensitivity",
    "hausdorf": "hd",
    "sensitivty": "sensitivity",
    "specifity": "specificity",
    "surfaces": "surface",
    "cros_entropy": "ce",
    "panoptic_qualty": "pq",
}
AMBIGUOUS = {
    "asd", "average_surface_distance", "msd", "mean_surface_distance", "weighted_cross_entropy",
    "weighted_cross_entropy_loss", "volume", "lesion_dice", "lesion_hd95",
}  # fmt: skip


@pytest.mark.parametrize(("word", "answers"), WORDS.items())
def test_a_word_of_the_field_is_answered_with_the_name_that_is_meant(word: str, answers: list[str]) -> None:
    assert meanings(word) == answers
    assert did_you_mean(word) == f"; did you mean {' or '.join(answers)}?"


@pytest.mark.parametrize(("word", "name"), MISSPELLED.items())
def test_a_misspelling_is_answered_with_the_nearest_name_first(word: str, name: str) -> None:
    assert meanings(word)[0] == name
    assert len(meanings(word)) <= 3


@pytest.mark.parametrize("word", ["frobnicate", "", "xyzzy", ":", "é"])
def test_what_no_quantity_of_today_is_has_no_answer(word: str) -> None:
    assert did_you_mean(word) == ""


def test_a_misspelling_is_looked_for_among_the_names_at_hand_and_a_synonym_is_not() -> None:
    assert meanings("dise", ["iou", "dice:x=1"]) == ["dice:x=1"]
    assert meanings("dise", ["iou"]) == []
    assert meanings("jaccard", ["dice"]) == ["iou"]


def synonyms() -> Iterator[tuple[str, str, str]]:
    for quantity in all_quantities():
        for word, answer in quantity.synonyms.items():
            yield quantity.name, word, answer


def test_every_answer_can_be_written_and_asks_for_the_quantity_whose_record_holds_it() -> None:
    for name, _, answer in synonyms():
        (selection,) = select(re.match(r"[\w:=]+", answer)[0])  # type: ignore[index]
        assert selection.quantity.name == name


def test_a_synonym_is_no_name_and_means_one_quantity_unless_it_is_known_to_be_ambiguous() -> None:
    def folded(text: str) -> str:
        return text.lower().replace("_", "")

    names = {folded(name) for name in (*QUANTITIES, *GROUPS)}
    assert [word for _, word, _ in synonyms() if folded(word) in names] == []
    counted = Counter(folded(word) for _, word, _ in synonyms())
    assert {word for word, count in counted.items() if count > 1} == {folded(word) for word in AMBIGUOUS}


RNG = np.random.default_rng(12)
TRUTH = RNG.random((9, 8, 7)) < 0.3
GUESS = np.where(RNG.random(TRUTH.shape) < 0.8, TRUTH, ~TRUTH)
SOFT = RNG.integers(0, 61, TRUTH.shape) / 60  # a cell of the histogram each


def value(answer: str, prediction: NDArray[Any]) -> float:
    key = re.match(r"[\w:=]+", answer)[0]  # type: ignore[index]
    report = evaluate_arrays(prediction, TRUTH.astype(np.uint8), metrics=key, spacing=(1, 1, 1))
    label = "all" if "row all" in answer else "mean" if "row mean" in answer else 1
    (row,) = [row for row in report.cases[0].rows if row.label == label]
    (number,) = row.values.values()
    return 1 - number if "is 1 −" in answer else float(number)


def in_medpy(name: str) -> Callable[[], float]:
    return lambda: getattr(binary, name)(GUESS, TRUTH)


def in_sklearn(name: str, prediction: NDArray[Any] = GUESS, **options: Any) -> Callable[[], float]:
    return lambda: getattr(sklearn.metrics, name)(TRUTH.ravel(), prediction.ravel(), **options)


PEERS: list[tuple[str, Callable[[], float]]] = [
    *((name, in_medpy(name)) for name in (
        "dc", "jc", "recall", "true_positive_rate", "true_negative_rate", "positive_predictive_value", "ravd",
    )),
    *((name, in_sklearn(name)) for name in (
        "f1_score", "jaccard_score", "recall_score", "matthews_corrcoef", "cohen_kappa_score", "accuracy_score",
        "precision_score",
    )),
    ("pixel_accuracy", in_sklearn("accuracy_score")),
    ("tnr", in_sklearn("recall_score", pos_label=False)),
    ("negative_predictive_value", in_sklearn("precision_score", pos_label=False)),
    ("miss_rate", lambda: 1 - in_sklearn("recall_score")()),
    ("jaccard_distance", lambda: 1 - in_sklearn("jaccard_score")()),
]  # fmt: skip
SOFT_PEERS = ("roc_auc_score", "brier_score_loss", "average_precision_score")


@pytest.mark.parametrize(("word", "peer"), PEERS, ids=[word for word, _ in PEERS])
def test_a_synonym_means_the_number_that_its_tool_gives_under_it(word: str, peer: Callable[[], float]) -> None:
    (answer,) = meanings(word)
    assert value(answer, GUESS.astype(np.uint8)) == pytest.approx(peer(), rel=1e-12)


@pytest.mark.parametrize("word", SOFT_PEERS)
def test_a_synonym_of_probability_maps_means_what_scikit_learn_gives_under_it(word: str) -> None:
    (answer,) = meanings(word)
    assert value(answer, SOFT) == pytest.approx(in_sklearn(word, SOFT)(), rel=1e-12)


def test_the_surface_distances_of_medpy_go_by_their_names() -> None:
    """Its boundary is that of 6 neighbours, as ours is; its hd95 pools both directions."""
    for word, name in (("hausdorff", "hd"), ("average_symmetric_surface_distance", "assd")):
        assert value(meanings(word)[0], GUESS.astype(np.uint8)) == pytest.approx(in_medpy(name)(), rel=1e-12)


def test_a_misspelt_name_is_answered_once_whatever_the_row() -> None:
    """dice is near itself and mdice, which is dice, in the row mean."""
    assert meanings("dicee") == ["dice", "cldice", "soft_dice"]
    assert meanings("mdicee")[0] == "dice, in the row mean"


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        (("--metrics", "hd95:boundry=slices"), "hd95 has no setting 'boundry'; did you mean boundary?; its settings: "),
        (("--metrics", "dice:emtpy=1"), "dice has no setting 'emtpy'; did you mean empty?; its settings: empty"),
        (("--metrics", "hd95:boundary=slice"), "write volume, slices, edges or corners; did you mean slices?"),
        (("--missed", "diagnal"), "write diagonal, box, nan, or a distance in mm; did you mean diagonal?"),
        (("--lesionwise", "dilaton=3"), "inventions=yes|no; did you mean dilation?"),
    ],
)
def test_what_is_meant_by_a_misspelt_setting_is_said(options: tuple[str, str], meant: str, segeval: Any) -> None:
    run = segeval("score", "p.nii", "r.nii", *options)
    assert (run.code, meant in run.err, run.err.count("did you mean")) == (2, True, 1)


@pytest.mark.parametrize("options", [("--missed", "12mm"), ("--lesionwise", "dilation=x"), ("--metrics", "dice:q=1")])
def test_nothing_is_meant_by_what_is_near_to_nothing(options: tuple[str, str], segeval: Any) -> None:
    run = segeval("score", "p.nii", "r.nii", *options)
    assert (run.code, "did you mean" in run.err) == (2, False)
