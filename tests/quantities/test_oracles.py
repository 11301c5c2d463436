"""Random volumes against scikit-learn, and against whole-array NumPy written from the definitions page alone."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from segeval import evaluate, evaluate_arrays

Array = np.ndarray[Any, Any]
Values = dict[str, float]

OVERLAP_OVER_ALL = ("accuracy", "kappa", "mcc", "dice", "iou", "gds")
SEEDS = range(4)


# The definitions page, whole arrays in float64


def softs(p: Array, r: Array, *, classes: int = 2, class_weight: float | None = None, **settings: Any) -> Values:
    """The losses of one label: its probabilities and its reference mask."""
    s = {"epsilon": 1e-6, "sensitivity_weight": 0.05, "gamma": 2.0, "alpha": 0.25, "pos_weight": None, "eta": 1e-7}
    eps, lam, gamma, alpha, beta, eta = (s | settings).values()
    r = r.astype(np.float64)
    n, big_r, big_p, i = p.size, r.sum(), p.sum(), (p * r).sum()
    ln_p, ln_q = np.log(np.clip(p, eta, 1 - eta)), np.log(1 - np.clip(p, eta, 1 - eta))
    l1, l0 = (r * ln_p).sum(), ((1 - r) * ln_q).sum()
    f1, f0 = (r * (1 - p) ** gamma * ln_p).sum(), ((1 - r) * p**gamma * ln_q).sum()
    w = n / (classes * big_r) if big_r else 0.0
    w = w if class_weight is None else class_weight
    beta = beta if beta is not None else (n - big_r) / big_r if big_r else 0.0
    both = [(i, big_p + big_r, big_r), (((1 - p) * (1 - r)).sum(), 2 * n - big_p - big_r, n - big_r)]
    return {
        "ce": -l1 / n,
        "weighted_ce": -w * l1 / n if big_r else 0.0,
        "bce": -(l1 + l0) / n,
        "wce": -((n - big_p) / big_p * l1 + l0) / n if big_p else math.nan if big_r else -l0 / n,
        "weighted_bce": -(beta * l1 + l0) / n if big_r else -l0 / n,
        "focal_no_alpha": -(f1 + f0) / n,
        "focal": -(alpha * f1 + (1 - alpha) * f0) / n,
        "dl2": 1
        - (i + eps) / (big_p + big_r + eps)
        - (((1 - p) * (1 - r)).sum() + eps) / (2 * n - big_p - big_r + eps),
        "ss": lam * ((r - p) ** 2 * r).sum() / (big_r + eps)
        + (1 - lam) * ((r - p) ** 2 * (1 - r)).sum() / (n - big_r + eps),
        "gdl_v": 1 - generalised(both, 2),
        "gdl_simple": 1 - generalised(both, 1),
        "gdl_uniform": 1 - generalised(both, 0),
        "soft_dice": 1 - 2 * i / ((p**2).sum() + big_r + eps),
        "soft_iou": 1 - i / (big_p + big_r - i) if big_p + big_r else math.nan,
    }


def generalised(classes: Iterable[tuple[float, float, float]], power: int) -> float:
    """2 Σ w I / Σ w (P + R); a class whose R is 0 takes the largest finite weight of the others."""
    parts = list(classes)
    largest = max((r**-power for _, _, r in parts if r), default=1.0)
    weights = [r**-power if r else largest for _, _, r in parts]
    return (
        2
        * sum(w * i for w, (i, _, _) in zip(weights, parts, strict=True))
        / sum(w * total for w, (_, total, _) in zip(weights, parts, strict=True))
    )


def losses_over_all(p: Sequence[Array], r: Sequence[Array], **settings: Any) -> Values:
    """The losses of all classes together, background first."""
    gamma, eta = settings.get("gamma", 2.0), settings.get("eta", 1e-7)
    weights = settings.pop("class_weights", [None] * len(p))
    own = [
        softs(a, b, classes=len(p), class_weight=weight, **settings) for a, b, weight in zip(p, r, weights, strict=True)
    ]
    true = sum(np.where(b, a, 0.0) for a, b in zip(p, r, strict=True))
    ln = np.log(np.clip(true, eta, 1 - eta))
    triples = [((a * b).sum(), a.sum() + b.sum(), float(b.sum())) for a, b in zip(p, r, strict=True)]
    return {
        "ce": -ln.mean(),
        "weighted_ce": sum(values["weighted_ce"] for values in own),
        "focal_no_alpha": -((1 - true) ** gamma * ln).mean(),
        "gdl_v": 1 - generalised(triples, 2),
        "gdl_simple": 1 - generalised(triples, 1),
        "gdl_uniform": 1 - generalised(triples, 0),
        "soft_dice": float(np.mean([values["soft_dice"] for values in own])),
        "soft_iou": float(np.nanmean([values["soft_iou"] for values in own])),
    }


def hards(p: Array, r: Array) -> Values:
    """The overlap of two masks by scikit-learn; what it has not, from its confusion matrix."""
    (tn, fp), (fn, tp) = sk.confusion_matrix(r, p, labels=[False, True]).tolist()
    n = tp + fp + fn + tn
    undefined = math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = {
            "dice": sk.f1_score(r, p, zero_division=undefined),
            "iou": sk.jaccard_score(r, p) if tp + fp + fn else undefined,
            "sensitivity": sk.recall_score(r, p, zero_division=undefined),
            "specificity": sk.recall_score(~r, ~p, zero_division=undefined),
            "precision": sk.precision_score(r, p, zero_division=undefined),
            "npv": sk.precision_score(~r, ~p, zero_division=undefined),
            "accuracy": sk.accuracy_score(r, p),
            "balanced_accuracy": sk.balanced_accuracy_score(r, p) if tp + fn and tn + fp else undefined,
            "mcc": sk.matthews_corrcoef(r, p) if (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) else undefined,
            "kappa": sk.cohen_kappa_score(r, p) if not (tp == n or tn == n) else undefined,
        }
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "ref_voxels": tp + fn,
        "pred_voxels": tp + fp,
        **scores,
        "volume_similarity": 1 - abs(fn - fp) / (2 * tp + fp + fn) if tp + fp + fn else undefined,
        "relative_volume_difference": (fp - fn) / (tp + fn) if tp + fn else undefined,
        "gds": generalised([(tp, 2 * tp + fp + fn, tp + fn), (tn, 2 * tn + fp + fn, tn + fp)], 2),
    }


def hards_over_all(p: Array, r: Array, labels: Sequence[int], background: bool = True) -> Values:
    """The overlap of two label maps whose unlisted values are already 0."""
    everything = [0, *labels]
    matrix = sk.confusion_matrix(r, p, labels=everything)
    right, reference, prediction = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    total = (reference + prediction)[1:].sum()
    hit = right[1:].sum()
    first = 0 if background else 1
    triples = zip(right[first:], (reference + prediction)[first:], map(float, reference[first:]), strict=True)
    varied = len(set(r.tolist())) > 1 and len(set(p.tolist())) > 1
    one_class = len(set(r.tolist()) | set(p.tolist())) == 1
    return {
        "accuracy": sk.accuracy_score(r, p),
        "kappa": math.nan if one_class else sk.cohen_kappa_score(r, p),
        "mcc": sk.matthews_corrcoef(r, p) if varied else math.nan,
        "dice": 2 * hit / total if total else math.nan,
        "iou": hit / (total - hit) if total else math.nan,
        "gds": generalised(triples, 2),
    }


def listed_only(labels_map: Array, labels: Sequence[int]) -> Array:
    return np.where(np.isin(labels_map, labels), labels_map, 0)


def require(row: Mapping[str, Any], expected: Values, tolerance: float) -> None:
    """The row's values; NaN and null are the same here."""

    def close(found: float | None, value: float) -> bool:
        if found is None or math.isnan(found) or math.isnan(value):
            return (found is None or math.isnan(found)) and math.isnan(value)
        return math.isclose(found, value, rel_tol=tolerance, abs_tol=1e-12)

    wrong = {name: (row[name], value) for name, value in expected.items() if not close(row[name], value)}
    assert not wrong, f"(found, expected) {wrong}"


def rows_of(report: Any) -> dict[int | str, dict[str, Any]]:
    return {row["label"]: row for row in json.loads(report.to_json())["cases"][0]["rows"]}


# Random volumes


def label_maps(seed: int, values: Sequence[int], size: int = 600) -> tuple[Array, Array]:
    """A reference in runs and a prediction that agrees with most of it."""
    rng = np.random.default_rng(seed)
    reference = np.repeat(rng.choice(values, size // 6), 6)
    prediction = np.where(rng.random(size) < 0.7, np.roll(reference, 1), rng.choice(values, size))
    return prediction.reshape(10, 6, -1), reference.reshape(10, 6, -1)


def probability_map(seed: int, channels: int, dtype: type[np.floating[Any]], size: int = 600) -> tuple[Array, Array]:
    """(channels, x, y, z) with voxels that are saturated, tied, and almost certain; and a reference."""
    rng = np.random.default_rng(seed)
    reference = np.repeat(rng.integers(0, channels, size // 6), 6)
    logits = rng.normal(0, 1.5, (channels, size))
    logits[reference, np.arange(size)] += 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    saturated = rng.random(size) < 0.2  # right or wrong
    p[:, saturated] = np.eye(channels)[rng.integers(0, channels, saturated.sum())].T
    almost = rng.random(size) < 0.1
    p[:, almost] = 1e-9
    p[rng.integers(0, channels, almost.sum()), np.flatnonzero(almost)] = 1 - (channels - 1) * 1e-9
    tied = rng.random(size) < 0.1
    p[:, tied] = 1 / channels
    return p.astype(dtype).reshape(channels, 10, 6, -1), reference.reshape(10, 6, -1)


def target_probabilities(p: Array, labels: Sequence[int]) -> list[Array]:
    """Of the background with all that is unlisted, then of each label: flat, in float64."""
    flat = p.reshape(len(p), -1).astype(np.float64)
    rest = [k for k in range(len(p)) if k not in labels]
    return [np.minimum(1, flat[rest].sum(axis=0)), *(flat[label] for label in labels)]


# Label maps


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("values", [(0, 1), (0, 1, 2, 5), (-3, 0, 4, 1000, 70_000)])
def test_label_maps_agree_with_scikit_learn_and_the_definitions(seed: int, values: tuple[int, ...]) -> None:
    prediction, reference = label_maps(seed, values)
    rows = rows_of(evaluate_arrays(prediction, reference, labels=values))
    p, r = prediction.ravel(), reference.ravel()
    labels = [value for value in sorted(values) if value]
    for value in (0, *labels):
        own = softs((p == value).astype(np.float64), r == value, classes=len(labels) + 1)
        require(rows[value], hards(p == value, r == value) | own, 1e-9)
    masks = [[(volume == value) for value in (0, *labels)] for volume in (p, r)]
    expected = losses_over_all([m.astype(np.float64) for m in masks[0]], masks[1])
    require(rows["all"], hards_over_all(p, r, labels) | expected, 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_unlisted_values_and_ignored_voxels_agree_with_the_definitions(seed: int) -> None:
    prediction, reference = label_maps(seed, (0, 1, 2, 3, 9))
    labels = [1, 3]
    rows = rows_of(evaluate_arrays(prediction, reference, labels=[0, *labels], ignore_label=9))
    kept = reference != 9
    p, r = listed_only(prediction[kept], labels), listed_only(reference[kept], labels)
    for value in (0, *labels):
        own = softs((p == value).astype(np.float64), r == value, classes=3)
        require(rows[value], hards(p == value, r == value) | own, 1e-9)
    masks = [[(volume == value) for value in (0, *labels)] for volume in (p, r)]
    expected = losses_over_all([m.astype(np.float64) for m in masks[0]], masks[1])
    require(rows["all"], hards_over_all(p, r, labels) | expected, 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_regions_of_label_maps_are_scored_as_the_union_of_their_labels(
    seed: int, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    prediction, reference = label_maps(seed, (0, 1, 2, 3, 7))
    files = nifti("p.nii", prediction.astype(np.int16)), nifti("r.nii", reference.astype(np.int16))
    run = segeval("score", *files, "--region", "pair=2+7", "--region", "foreground=*", "-f", "json")
    p, r = prediction.ravel(), reference.ravel()
    for name, members in {"pair": (2, 7), "foreground": (1, 2, 3, 7)}.items():
        ours, theirs = np.isin(p, members), np.isin(r, members)
        require(run.row(name), hards(ours, theirs) | softs(ours.astype(np.float64), theirs, classes=5), 1e-9)


def test_the_mean_is_the_mean_over_the_foreground_labels() -> None:
    prediction, reference = label_maps(11, (0, 1, 2, 5))
    rows = rows_of(evaluate_arrays(prediction, reference))
    own = [rows[label] for label in (1, 2, 5)]
    expected = {name: float(np.mean([row[name] for row in own])) for name in rows["mean"]["n"] if "ml" not in name}
    require(rows["mean"], expected, 1e-12)


# Probability maps


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_probability_maps_agree_with_the_definitions(channels: int, dtype: type[np.floating[Any]], seed: int) -> None:
    p, reference = probability_map(seed, channels, dtype)
    rows = rows_of(evaluate_arrays(p, reference, labels=range(channels)))
    require_probabilities(rows, p, reference, list(range(1, channels)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unlisted_channels_and_ignored_voxels_of_probability_maps_agree_with_the_definitions(
    dtype: type[np.floating[Any]], seed: int
) -> None:
    p, reference = probability_map(seed, 5, dtype)
    reference[3:5] = 9
    rows = rows_of(evaluate_arrays(p, reference, labels=[0, 1, 4], ignore_label=9))
    kept = reference != 9
    require_probabilities(rows, p[:, kept], reference[kept], [1, 4])


def require_probabilities(
    rows: Mapping[int | str, Mapping[str, Any]], p: Array, reference: Array, labels: list[int], **settings: Any
) -> None:
    hard = listed_only(p.reshape(len(p), -1).argmax(axis=0), labels)
    r = listed_only(reference.ravel(), labels)
    soft = target_probabilities(p, labels)
    weights = settings.get("class_weights", [None] * len(soft))
    plain = {name: value for name, value in settings.items() if name != "class_weights"}
    for value, own, weight in zip((0, *labels), soft, weights, strict=True):
        losses = softs(own, r == value, classes=len(soft), class_weight=weight, **plain)
        require(rows[value], hards(hard == value, r == value) | losses, 1e-6)
    expected = losses_over_all(soft, [r == value for value in (0, *labels)], **settings)
    require(rows["all"], hards_over_all(hard, r, labels) | expected, 1e-6)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_regions_of_probability_maps_sum_their_labels_up_to_one(
    dtype: type[np.floating[Any]], ending: str, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    p, reference = probability_map(5, 4, dtype)
    p = (p * dtype(1.004)).clip(0, 1)  # sums within 1e-2 of 1 are accepted, and a region's stays within 1
    files = nifti("p" + ending, np.moveaxis(p, 0, -1)), nifti("r.nii", reference.astype(np.uint8))
    run = segeval("score", *files, "--region", "pair=1+3", "--region", "foreground=*", "-f", "json")
    assert run.code == 0, run.err
    flat = p.reshape(4, -1).astype(np.float64)
    hard, r = p.reshape(4, -1).argmax(axis=0), reference.ravel()
    for name, members in {"pair": (1, 3), "foreground": (1, 2, 3)}.items():
        total = np.minimum(1, flat[list(members)].sum(axis=0))
        inside = np.isin(r, members)
        require(run.row(name), hards(np.isin(hard, members), inside) | softs(total, inside, classes=4), 1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_foreground_map_agrees_with_the_definitions(dtype: type[np.floating[Any]], seed: int) -> None:
    channels, reference = probability_map(seed, 2, dtype)
    p, r = channels[1], 6 * reference
    r[0] = 9
    rows = rows_of(evaluate_arrays(p, r, labels=[0, 6], ignore_label=9, threshold=0.3, kind="probabilities"))
    p, r = p[r != 9], r[r != 9]
    hard, own = p >= dtype(0.3), p.astype(np.float64)
    require(rows[6], hards(hard, r == 6) | softs(own, r == 6), 1e-6)
    require(rows[0], hards(~hard, r == 0) | softs(1 - own, r == 0), 1e-6)
    expected = losses_over_all([1 - own, own], [r == 0, r == 6])
    require(rows["all"], hards_over_all(np.where(hard, 6, 0), r, [6]) | expected, 1e-6)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_independent_channels_are_scored_one_against_the_rest(
    dtype: type[np.floating[Any]], ending: str, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    rng = np.random.default_rng(8)
    _, reference = probability_map(8, 4, dtype)
    p = rng.choice([0.0, 1e-9, 0.3, 0.5, 0.7, 1 - 1e-9, 1.0], (4, *reference.shape)).astype(dtype)
    reference[0, 0] = 9
    files = nifti("p" + ending, np.moveaxis(p, 0, -1)), nifti("r.nii", reference.astype(np.uint8))
    options = ["--channels", "independent", "--ignore-label", "9", "--background", "--threshold", "0.7"]
    run = segeval("score", *files, *options, "--region", "pair=1+3", "--region", "foreground=*", "-f", "json")
    assert run.code == 0, run.err
    kept = reference.ravel() != 9
    stored, r = p.reshape(4, -1)[:, kept], reference.ravel()[kept]
    flat, hard = stored.astype(np.float64), stored >= dtype(0.7)
    for label in range(4):
        require(run.row(label), hards(hard[label], r == label) | softs(flat[label], r == label, classes=4), 1e-6)
    for name, members in {"pair": [1, 3], "foreground": [1, 2, 3]}.items():
        inside = np.isin(r, members)
        soft = softs(flat[members].max(axis=0), inside, classes=4)
        require(run.row(name), hards(hard[members].any(axis=0), inside) | soft, 1e-6)
    pooled = [hards(hard[label], r == label) for label in (1, 2, 3)]
    tp = sum(h["tp"] for h in pooled)
    wrong = sum(h["fp"] + h["fn"] for h in pooled)
    own = [softs(flat[label], r == label) for label in range(4)]
    expected = {name: float(np.mean([s[name] for s in own])) for name in ("soft_dice", "soft_iou")}
    require(run.row("all"), expected | {"dice": 2 * tp / (2 * tp + wrong), "iou": tp / (tp + wrong)}, 1e-6)
    assert run.row("all").keys() == {"label", "name", "dice", "iou", "soft_dice", "soft_iou"}


# Settings

SETTINGS = [
    {"epsilon": 1e-3},
    {"epsilon": 0.0},
    {"sensitivity_weight": 0.4},
    {"gamma": 0.0},
    {"gamma": 1.5},
    {"gamma": 3.0, "eta": 1e-4},
    {"alpha": 0.9},
    {"pos_weight": 20.0},
    {"pos_weight": 0.0},
    {"eta": 1e-3},
    {"eta": 1e-12},
]
ACCEPTED = {
    "epsilon": ("dl2", "ss", "soft_dice"),
    "sensitivity_weight": ("ss",),
    "gamma": ("focal", "focal_no_alpha"),
    "alpha": ("focal",),
    "pos_weight": ("weighted_bce",),
    "eta": ("ce", "weighted_ce", "bce", "wce", "weighted_bce", "focal", "focal_no_alpha"),
}


def named(settings: Mapping[str, float]) -> dict[str, str]:
    """Each quantity that takes all of these settings, under the name that asks for them."""
    names = set.intersection(*(set(ACCEPTED[key]) for key in settings))
    text = "".join(f":{key}={value:g}" for key, value in sorted(settings.items()))
    return {name: name + text for name in sorted(names)}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_setting_changes_probability_maps_as_defined(settings: dict[str, float]) -> None:
    p, reference = probability_map(3, 3, np.float32)
    names = named(settings)
    rows = rows_of(evaluate_arrays(p, reference, labels=[0, 1, 2], metrics=",".join([*names, *names.values()])))
    flat, r = p.reshape(3, -1).astype(np.float64), reference.ravel()
    for label in (0, 1, 2):
        changed = softs(flat[label], r == label, classes=3, **settings)
        default = softs(flat[label], r == label, classes=3)
        require(rows[label], {key: changed[name] for name, key in names.items()}, 1e-6)
        require(rows[label], {name: default[name] for name in names}, 1e-6)
    expected = losses_over_all(list(flat), [r == label for label in range(3)], **settings)
    require(rows["all"], {key: expected[name] for name, key in names.items() if name in expected}, 1e-6)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_setting_changes_label_maps_as_defined(settings: dict[str, float]) -> None:
    prediction, reference = label_maps(3, (0, 1, 2))
    names = named(settings)
    rows = rows_of(evaluate_arrays(prediction, reference, labels=[0, 1, 2], metrics=",".join(names.values())))
    p, r = prediction.ravel(), reference.ravel()
    # ln(1 − η) of a tiny η is exact only as log1p, so that the whole-array evaluation is itself off by up to 1e-16 / η
    tolerance = max(1e-9, 1e-16 / settings.get("eta", 1.0))
    for label in (0, 1, 2):
        expected = softs((p == label).astype(np.float64), r == label, classes=3, **settings)
        require(rows[label], {key: expected[name] for name, key in names.items()}, tolerance)
    masks = [(p == label).astype(np.float64) for label in range(3)]
    expected = losses_over_all(masks, [r == label for label in range(3)], **settings)
    require(rows["all"], {key: expected[name] for name, key in names.items() if name in expected}, tolerance)


def test_generalised_dice_without_background_drops_label_0_from_all_alone() -> None:
    p, reference = probability_map(4, 4, np.float64)
    names = ["gds", "gdl_v", "gdl_simple", "gdl_uniform"]
    wanted = ",".join([*names, *(f"{name}:background=no" for name in names)])
    rows = rows_of(evaluate_arrays(p, reference, metrics=wanted))
    flat, r = p.reshape(4, -1), reference.ravel()
    triples = [((flat[k] * (r == k)).sum(), flat[k].sum() + (r == k).sum(), float((r == k).sum())) for k in (1, 2, 3)]
    expected = {
        f"{name}:background=no": 1 - generalised(triples, power)
        for name, power in (("gdl_v", 2), ("gdl_simple", 1), ("gdl_uniform", 0))
    }
    expected["gds:background=no"] = hards_over_all(flat.argmax(axis=0), r, [1, 2, 3], background=False)["gds"]
    require(rows["all"], expected, 1e-6)
    for label in (1, 2, 3):
        require(rows[label], {f"{name}:background=no": rows[label][name] for name in names}, 0.0)


@pytest.mark.parametrize("soft", [False, True], ids=["label map", "probabilities"])
def test_class_weights_replace_the_weights_from_the_data(soft: bool, nifti: Callable[..., Path]) -> None:
    weights = {0: 0.2, 1: 3.0, 2: 0.0}
    p, reference = probability_map(6, 3, np.float64)
    hard = p.argmax(axis=0)
    prediction = nifti("p.nii", np.moveaxis(p, 0, -1) if soft else hard.astype(np.uint8))
    report = evaluate(
        prediction, nifti("r.nii", reference.astype(np.uint8)), class_weights=weights, background=True, metrics="losses"
    )
    flat = p.reshape(3, -1) if soft else np.eye(3)[hard.ravel()].T
    r = reference.ravel()
    rows = rows_of(report)
    for label, weight in weights.items():
        require(rows[label], softs(flat[label], r == label, classes=3, class_weight=weight), 1e-9)
    expected = losses_over_all(list(flat), [r == k for k in range(3)], class_weights=list(weights.values()))
    require(rows["all"], expected, 1e-9)


def test_a_label_that_the_reference_lacks_takes_the_largest_weight_of_the_others() -> None:
    p, reference = probability_map(9, 4, np.float64)
    reference[reference == 2] = 0
    rows = rows_of(evaluate_arrays(p, reference, labels=range(4)))
    require_probabilities(rows, p, reference, [1, 2, 3])
