"""``segeval quantities``: every quantity in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segeval.choices import GROUPS
from segeval.quantities import Quantity, all_quantities

Run = Callable[..., Any]
SAMPLES = Path(__file__).parents[2] / "sample_data"

# fmt: off
OVERLAP = ["tp", "fp", "fn", "tn", "ref_voxels", "pred_voxels", "ref_volume_ml", "pred_volume_ml",
    "dice", "iou", "sensitivity", "specificity", "precision", "npv",
    "accuracy", "balanced_accuracy", "volume_similarity", "relative_volume_difference", "mcc", "kappa", "gds"]
LOSSES = ["ce", "weighted_ce", "bce", "wce", "weighted_bce", "focal_no_alpha", "focal",
    "dl2", "ss", "gdl_v", "gdl_simple", "gdl_uniform", "soft_dice", "soft_iou"]
MORE_LOSSES = ["tversky", "focal_tversky", "log_cosh_dice", "noise_robust_dice", "exp_log", "mcc_loss", "unified_focal"]
RATES = ["f_beta", "fpr", "fnr", "fdr", "for", "informedness", "markedness", "lr_positive", "lr_negative",
    "fowlkes_mallows", "prevalence", "prevalence_threshold", "absolute_volume_difference_ml",
    "relative_absolute_volume_difference", "voe",
    "net_benefit", "frequency_weighted_iou", "weighted_kappa", "probabilistic_distance", "icc"]
MAP_LOSSES = ["topk_ce", "lovasz", "wasserstein_dice", "boundary", "hausdorff_dt", "soft_cldice"]
SURFACE = ["hd", "hd95", "assd", "masd", "rmsd", "bavd", "nsd"]
INSTANCES = ["instance_tp", "instance_fp", "instance_fn", "instance_sensitivity", "instance_precision", "instance_f1",
    "sq", "pq", "instance_dice", "instance_hd95", "missed_volume_ml", "invented_volume_ml"]
INSTANCE_SURFACE = ["instance_nsd"]
LESIONWISE = ["lesionwise_dice", "lesionwise_hd95", "lesionwise_nsd", "lesionwise_tp", "lesionwise_fp", "lesionwise_fn"]
CALIBRATION = ["brier", "ece", "auroc", "average_precision", "best_dice", "best_dice_threshold"]
PROFILE = ["worst_slice_error"]
PARTITION = ["voi_split", "voi_merge", "voi", "mutual_information", "nmi", "rand", "adjusted_rand",
    "adapted_rand_error", "adapted_rand_precision", "adapted_rand_recall", "gce"]
TOPOLOGY = ["topology_precision", "topology_sensitivity", "cldice", "betti0_error", "betti1_error", "betti2_error",
    "euler_error"]
DETECTION = ["lesion_count_difference", "ref_instances", "pred_instances", "matching_ap", "matching_map", "seg",
    "aogm_d", "sensl", "ppvl", "f1l"]
DETECTION_MAPS = ["lesion_ap", "froc", "case_auroc", "instance_ap", "instance_map"]
SHAPE = ["boundary_iou", "centroid_distance_mm", "mahalanobis"]
# fmt: on
OF_ALL_ALONE = {*PARTITION, "topk_ce", "wasserstein_dice", "frequency_weighted_iou", "weighted_kappa"}
LOWER = (
    set(LOSSES + MORE_LOSSES + MAP_LOSSES)
    | {"voi_split", "voi_merge", "voi", "adapted_rand_error", "gce"}
    | {
        "brier",
        "ece",
        "hd",
        "hd95",
        "assd",
        "masd",
        *("rmsd", "bavd"),
        "instance_hd95",
        "lesion_count_difference",
        "aogm_d",
        "missed_volume_ml",
        "invented_volume_ml",
        "lesionwise_hd95",
        *("betti0_error", "betti1_error", "betti2_error", "euler_error"),
        *("centroid_distance_mm", "mahalanobis", "probabilistic_distance"),
        *("fpr", "fnr", "fdr", "for", "lr_negative", "voe", "prevalence_threshold"),
        *("absolute_volume_difference_ml", "relative_absolute_volume_difference"),
    }
)  # fmt: skip
UNDIRECTED = {"tp", "fp", "fn", "tn", "ref_voxels", "pred_voxels", "ref_volume_ml", "pred_volume_ml"} | {
    "relative_volume_difference",
    "best_dice_threshold",
    "instance_tp",
    "instance_fp",
    "instance_fn",
    "ref_instances",
    "pred_instances",
    "lesionwise_tp",
    "lesionwise_fp",
    "lesionwise_fn",
    "worst_slice_error",
    "prevalence",
}
SETTINGS = {
    "gds": "background=yes",
    "ce": "eta=1e-07, label_smoothing=0",
    "weighted_ce": "eta=1e-07",
    "bce": "eta=1e-07, label_smoothing=0",
    "wce": "eta=1e-07",
    "weighted_bce": "eta=1e-07, pos_weight=see above",
    "focal_no_alpha": "eta=1e-07, gamma=2",
    "focal": "alpha=0.25, eta=1e-07, gamma=2",
    "dl2": "epsilon=1e-06",
    "ss": "epsilon=1e-06, sensitivity_weight=0.05",
    "gdl_v": "background=yes, epsilon=0, numerator_epsilon=0",
    "gdl_simple": "background=yes, epsilon=0, numerator_epsilon=0",
    "gdl_uniform": "background=yes, epsilon=0, numerator_epsilon=0",
    "soft_dice": "epsilon=1e-06, numerator_epsilon=0, power=2",
    "soft_iou": "epsilon=0, numerator_epsilon=0, power=1",
    "tversky": "epsilon=1e-06, fn_weight=0.7, fp_weight=0.3, numerator_epsilon=1e-06",
    "focal_tversky": "epsilon=1e-06, fn_weight=0.7, fp_weight=0.3, gamma=1.33333, numerator_epsilon=1e-06",
    "log_cosh_dice": "epsilon=1e-06, numerator_epsilon=0, power=2",
    "noise_robust_dice": "epsilon=1e-05, gamma=1.5",
    "exp_log": "ce_weight=0.2, dice_weight=0.8, epsilon=1, eta=1e-07, gamma=0.3",
    "mcc_loss": "epsilon=1e-05",
    "unified_focal": "delta=0.6, epsilon=1e-07, eta=1e-07, gamma=0.5, weight=0.5",
    "f_beta": "beta=2",
    "net_benefit": "exchange_rate=1",
    "weighted_kappa": "weights=linear",
    "topk_ce": "eta=1e-07, k=10",
    "wasserstein_dice": "epsilon=1e-05, numerator_epsilon=1e-05",
    "boundary": "unit=voxel",
    "hausdorff_dt": "alpha=2",
    **dict.fromkeys(("topology_precision", "topology_sensitivity", "cldice"), "axes=stored"),
    "soft_cldice": "epsilon=1, iterations=3",
    "ece": "bins=15",
    "hd": "boundary=volume, direction=both, outside=background, p=100, surfel=no",
    "hd95": "boundary=volume, direction=both, outside=background, pooled=no, surfel=no",
    "assd": "boundary=volume, direction=both, outside=background, surfel=no",
    "masd": "boundary=volume, direction=both, outside=background, surfel=no",
    "rmsd": "boundary=volume, direction=both, outside=background, surfel=no",
    "bavd": "boundary=volume, outside=background, surfel=no",
    "boundary_iou": "d=0.02",
    "nsd": "boundary=volume, direction=both, outside=background, surfel=no, tau=see above",
    **dict.fromkeys(("instance_tp", "instance_fn"), "below_mm3=0, dice=0"),
    "instance_dice": "from_mm3=0",
    "instance_hd95": "from_mm3=0, pooled=no",
    "instance_nsd": "from_mm3=0, tau=1",
    "lesionwise_hd95": "missed=no, penalty_mm=374",
    "lesionwise_nsd": "tau=1",
} | {
    **dict.fromkeys(("matching_ap", "instance_ap"), "iou=0.5"),
    **dict.fromkeys(("sensl", "ppvl", "f1l"), "beyond=0.7, explained=0.65, found=0.1"),
    "lesion_ap": "iou=0.1",
    "froc": "iou=0.1, rate=see above",
    "mutual_information": "base=2",
    **dict.fromkeys(("voi_split", "voi_merge", "voi"), "background=yes, base=2"),
    **dict.fromkeys(
        ("adapted_rand_error", "adapted_rand_precision", "adapted_rand_recall"), "apart=no, background=no, squares=no"
    ),
}
UNDEFINED = {
    "dice": "both empty",
    "iou": "both empty",
    "sensitivity": "reference empty",
    "specificity": "reference fills everything",
    "precision": "prediction empty",
    "npv": "prediction fills everything",
    "volume_similarity": "both empty",
    "relative_volume_difference": "reference empty",
    "kappa": "p_e = 1",
    "ref_volume_ml": "no geometry",
    "soft_iou": "the denominator is 0",
    "auroc": "reference empty, or fills everything",
    "average_precision": "reference empty",
}
OVER_ALL = {
    "accuracy", "kappa", "mcc", "dice", "iou", "gds", "gdl_v",
    "gdl_simple", "gdl_uniform", "ce", "weighted_ce", "focal_no_alpha", "soft_dice", "soft_iou", "brier",
    "tversky", "focal_tversky", "log_cosh_dice", "noise_robust_dice", "exp_log", "mcc_loss", "unified_focal",
    "lovasz",
}  # fmt: skip


TITLES = ("formula", "direction", "undefined", "settings", "empty", "rows", "source")


@pytest.fixture
def explained(segeval: Run) -> dict[str, dict[str, str]]:
    """The facts by quantity and title, their wrapped lines joined."""
    run = segeval("quantities", *GROUPS)
    assert (run.code, run.err) == (0, "")
    found: dict[str, dict[str, str]] = {}
    for block in run.out.strip().split("\n\n"):
        first, *lines = block.splitlines()
        name, group = first.split()
        facts = {"group": group.strip("()")}
        title = "docstring"
        for line in lines:
            begun = re.match(r"  (\w+) +(?=\S)", line) if len(line) - len(line.lstrip()) == 2 else None
            if begun and begun.group(1) in TITLES:
                title, line = begun.group(1), line[begun.end() :]
            facts[title] = f"{facts.get(title, '')} {line.strip()}".strip()
        found[name] = facts
    return found


def test_every_quantity_of_the_definitions_is_listed_group_by_group(explained: dict[str, dict[str, str]]) -> None:
    listed: dict[str, list[str]] = {}
    for name, facts in explained.items():
        listed.setdefault(facts["group"], []).append(name)
    assert list(listed) == [
        "overlap",
        "losses",
        "more_losses",
        "rates",
        "map_losses",
        "surface",
        "instances",
        "instance_surface",
        "lesionwise",
        "calibration",
        "profile",
        "partition",
        "topology",
        "shape",
        "detection",
        "detection_maps",
    ]
    assert [facts["group"] for facts in explained.values()] == [group for group in listed for _ in listed[group]]
    assert set(listed["overlap"]) == set(OVERLAP)
    assert listed["losses"] == LOSSES
    assert listed["more_losses"] == MORE_LOSSES
    assert listed["rates"] == RATES
    assert listed["map_losses"] == MAP_LOSSES
    assert listed["surface"] == SURFACE
    assert listed["instances"] == INSTANCES
    assert listed["instance_surface"] == INSTANCE_SURFACE
    assert listed["lesionwise"] == LESIONWISE
    assert listed["calibration"] == CALIBRATION
    assert listed["profile"] == PROFILE
    assert listed["partition"] == PARTITION
    assert listed["topology"] == TOPOLOGY
    assert listed["shape"] == SHAPE
    assert listed["detection"] == DETECTION
    assert listed["detection_maps"] == DETECTION_MAPS


def test_no_line_is_wider_than_80_columns(segeval: Run) -> None:
    for arguments in ((), GROUPS):
        assert max(len(line) for line in segeval("quantities", *arguments).out.splitlines()) <= 80


@pytest.mark.parametrize("quantity", all_quantities(), ids=lambda quantity: quantity.name)
def test_a_quantity_is_explained_in_full(quantity: Quantity, explained: dict[str, dict[str, str]]) -> None:
    facts, name = explained[quantity.name], quantity.name
    assert facts["docstring"].endswith(".")
    assert facts["formula"] == quantity.text
    direction = "no direction" if name in UNDIRECTED else "lower is better" if name in LOWER else "higher is better"
    assert facts["direction"].startswith(direction)
    assert facts.get("settings", "") == SETTINGS.get(name, "")
    assert facts.get("empty", "").startswith("the value where both volumes lack a label") is quantity.may_be_filled
    assert facts["undefined"]
    assert facts["undefined"].startswith(UNDEFINED.get(name, ""))
    assert facts.get("source", "") == quantity.source
    assert facts.get("source") or name in UNDIRECTED
    assert ("all" in facts["rows"].split(", ")) is (name in OVER_ALL or name in OF_ALL_ALONE)
    assert (facts["rows"] == "all") is (name in OF_ALL_ALONE)


def test_the_listing_ends_with_one_newline(segeval: Run) -> None:
    out = segeval("quantities", *GROUPS).out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def listed(text: str) -> dict[str, list[str]]:
    """The names in a list, by heading."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return {block[0]: [line.split()[0] for line in block[1:] if line[2] != " "] for block in blocks}


def test_without_a_name_all_are_listed_by_group(segeval: Run) -> None:
    out = segeval("quantities").out
    found = listed(out)
    assert list(found) == ["overlap (computed by default)", "losses (computed by default)", *GROUPS[2:]]
    assert [name for names in found.values() for name in names] == [quantity.name for quantity in all_quantities()]
    assert "  iou                         Intersection over union, the Jaccard index\n" in out


def test_one_is_explained(segeval: Run) -> None:
    out = segeval("quantities", "dice", "voi").out
    assert out.startswith("dice  (overlap)\n  Dice similarity coefficient.\n")
    assert out.count("\n\n") == 1
    assert "voi  (partition)" in out


def test_a_word_is_searched_for(segeval: Run) -> None:
    found = listed(segeval("quantities", "--search", "Jaccard").out)
    assert found["overlap (computed by default)"] == ["iou"]
    assert "soft_iou" in found["losses (computed by default)"]
    assert listed(segeval("quantities", "surface", "--search", "hausdorff").out) == {"surface": ["hd", "hd95", "bavd"]}
    elsewhere = segeval("quantities", "dice", "--search", "surface")
    assert (elsewhere.code, elsewhere.out, elsewhere.err.count("\n")) == (2, "", 1)
    assert "did you mean" not in elsewhere.err
    assert "leave the names out" in elsewhere.err
    none = segeval("quantities", "--search", "xyzzy")
    assert (none.code, none.err.count("\n")) == (2, 1)
    assert "'xyzzy'" in none.err


def test_a_name_that_is_none_is_answered(segeval: Run) -> None:
    run = segeval("quantities", "jaccard")
    assert (run.code, run.out) == (2, "")
    assert "did you mean iou?" in run.err


def test_programs_read_json(segeval: Run) -> None:
    found = json.loads(segeval("quantities", "--format", "json").out)
    assert [one["name"] for one in found] == [quantity.name for quantity in all_quantities()]
    (focal,) = json.loads(segeval("quantities", "focal", "-f", "json").out)
    assert focal["settings"] == {"alpha": 0.25, "eta": 1e-7, "gamma": 2.0}
    assert (focal["direction"], focal["best"], focal["worst"]) == ("lower", 0.0, None)
    assert focal["rows"] == ["labels", "regions", "mean"]
    assert focal["also_called"]["focal_loss"] == "focal"


@pytest.mark.parametrize("name", ["prediction", "prediction_softmax"])
def test_all_quantities_are_of_label_maps_and_of_softmaxes(
    name: str, segeval: Run, small: Callable[[Path], Path]
) -> None:
    pair = [small(SAMPLES / f"{each}.nii.gz") for each in (name, "reference")]
    run = segeval("score", *pair, "--metrics", "all", "-f", "json")
    assert run.code == 0, run.err
    assert {column["group"] for column in run.json["columns"]} == set(GROUPS) - {"detection_maps"}


def test_empty_is_told_of_where_it_may_stand(segeval: Run) -> None:
    told = "  empty     the value where both volumes lack a label, if it has none there; by\n            default "
    assert f"{told}as --empty says\n" in segeval("quantities", "dice").out
    assert f"{told}undefined\n" in segeval("quantities", "nsd").out
    for name in ("tp", "rand"):
        assert "  empty " not in segeval("quantities", name).out
