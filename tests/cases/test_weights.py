"""``weights``: whole weights are voxels that occur so often, and any others NumPy's sums over whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arrays import row, rows_as_text
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate_arrays
from segeval.errors import GeometryError, LabelError
from segeval.kernels import NumpyBackend
from segeval.tallies.tally import TallyOptions

SHAPE = (7, 6, 5)
LOSSES = "losses,ce:label_smoothing=0.1,noise_robust_dice,exp_log,focal:gamma=3,unified_focal,mcc_loss"


def maps(seed: int, labels: int = 3) -> tuple[Any, Any, Any]:
    """Prediction, reference and whole weights."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, labels, SHAPE), rng.integers(0, labels, SHAPE), rng.integers(0, 4, SHAPE)


def soft(seed: int, channels: int = 3) -> Any:
    return np.random.default_rng(seed).dirichlet(np.ones(channels), SHAPE).transpose(3, 0, 1, 2)


def repeated(array: Any, weights: Any) -> Any:
    """Each voxel as often as its weight says, the classes first where there are some."""
    flat = array.reshape(*array.shape[: array.ndim - weights.ndim], -1)
    return np.repeat(flat, weights.reshape(-1), axis=-1)


def require_alike(weighted: Any, expected: Any, *, but: str = "") -> None:
    """Every value of the first is the second's."""
    for ours, theirs in zip(weighted.cases[0].rows, expected.cases[0].rows, strict=True):
        values = {key: value for key, value in theirs.values.items() if key != but}
        found = {key: value for key, value in ours.values.items() if key != but}
        assert (ours.label, found) == (theirs.label, pytest.approx(values, rel=1e-12, abs=1e-15, nan_ok=True))


def test_four_voxels_by_hand() -> None:
    """Weights 3 1 / 1 1 of prediction 1 1 / 0 0 and reference 1 0 / 1 0: I = 3, P = R = 4, and soft Dice 1 − 6/8."""
    report = evaluate_arrays([[1, 1], [0, 0]], [[1, 0], [1, 0]], weights=[[3, 1], [1, 1]])
    assert row(report, 1).values["soft_dice"] == pytest.approx(1 - 6 / (8 + 1e-6))
    assert row(report, 1).values["soft_iou"] == pytest.approx(1 - 3 / 5)
    assert row(report, 1).values["dice"] == pytest.approx(1 / 2)  # a count is a count
    assert {name: row(report, 1).values[name] for name in ("tp", "fp", "fn", "tn")} == {
        "tp": 1, "fp": 1, "fn": 1, "tn": 1,
    }  # fmt: skip


@given(st.integers(0, 1000))
def test_whole_weights_are_voxels_that_occur_so_often(seed: int) -> None:
    prediction, reference, weights = maps(seed)
    expected = evaluate_arrays(repeated(prediction, weights), repeated(reference, weights), metrics=LOSSES)
    require_alike(evaluate_arrays(prediction, reference, weights=weights, metrics=LOSSES), expected)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"channels": "independent", "regions": {"both": [1, 2]}},
        {"labels": [1], "background": True},
        {"ignore_label": 2},
        {"activation": "softmax", "regions": {"any": "*"}},
    ],
)
def test_the_weights_of_a_maps_voxels_too(asked: Any) -> None:
    _, reference, weights = maps(1)
    expected = evaluate_arrays(repeated(soft(2), weights), repeated(reference, weights), metrics=LOSSES, **asked)
    require_alike(evaluate_arrays(soft(2), reference, weights=weights, metrics=LOSSES, **asked), expected)


def test_the_weights_of_a_single_map_whose_kind_its_values_tell() -> None:
    _, reference, weights = maps(3, 2)
    single = soft(4, 2)[1]
    single[0, 0, 0] = 1.0  # an integer first
    asked: dict[str, Any] = {"metrics": LOSSES, "background": True}
    expected = evaluate_arrays(repeated(single, weights), repeated(reference, weights), **asked)
    require_alike(evaluate_arrays(single, reference, weights=weights, **asked), expected)
    labels = reference.astype(np.float32)
    expected = evaluate_arrays(repeated(labels, weights), repeated(reference, weights), metrics=LOSSES)
    require_alike(evaluate_arrays(labels, reference, weights=weights, metrics=LOSSES), expected)


@given(st.integers(0, 1000))
def test_any_weights_are_numpys_sums(seed: int) -> None:
    """Σ w p r and so on over whole arrays; NiftyNet's weighted Dice and cross-entropy are made of the same."""
    rng = np.random.default_rng(seed)
    reference, p, w = rng.integers(0, 2, SHAPE), soft(seed, 2)[1], rng.random(SHAPE) * 3
    report = evaluate_arrays(p, reference, weights=w, kind="probabilities", metrics="soft_dice,soft_iou,bce,dl2")
    values = row(report, 1).values
    both = 2 * (w * p * reference).sum()
    assert values["soft_dice"] == pytest.approx(1 - both / ((w * p * p).sum() + (w * reference).sum() + 1e-6))
    assert values["soft_iou"] == pytest.approx(1 - both / 2 / ((w * p).sum() + (w * reference).sum() - both / 2))
    clipped = np.clip(np.where(reference, p, 1 - p), 1e-7, 1 - 1e-7)
    assert values["bce"] == pytest.approx(-(w * np.log(clipped)).sum() / w.sum())


def test_weights_of_one_and_multiples_of_them_change_nothing() -> None:
    prediction, reference, _ = maps(5)
    for ours in (prediction, soft(6)):
        plain = evaluate_arrays(ours, reference)
        require_alike(evaluate_arrays(ours, reference, weights=np.ones(SHAPE)), plain)
        of_epsilon = "overlap,ce,bce,focal,soft_iou,gdl_simple,gdl_uniform"
        twice = evaluate_arrays(ours, reference, weights=np.full(SHAPE, 0.1), metrics=of_epsilon)
        require_alike(twice, evaluate_arrays(ours, reference, metrics=of_epsilon))


def test_counts_distances_and_instances_are_as_without() -> None:
    prediction, reference, weights = maps(7)
    asked: dict[str, Any] = {"metrics": "overlap,surface,instances,partition", "spacing": (1, 1, 2)}
    plain = rows_as_text(evaluate_arrays(prediction, reference, **asked))
    assert rows_as_text(evaluate_arrays(prediction, reference, weights=weights, **asked)) == plain
    asked = {"metrics": "overlap,ece,auroc,average_precision"}
    plain = rows_as_text(evaluate_arrays(soft(8), reference, **asked))
    assert rows_as_text(evaluate_arrays(soft(8), reference, weights=weights, **asked)) == plain


def test_weights_outside_of_a_mask_play_no_part() -> None:
    prediction, reference, weights = maps(9)
    mask = np.random.default_rng(9).integers(0, 2, SHAPE)
    for ours in (prediction, soft(10)):
        masked = evaluate_arrays(ours, reference, mask=mask, weights=weights, metrics=LOSSES)
        weighted = weights * mask
        require_alike(
            masked,
            evaluate_arrays(repeated(ours, weighted), repeated(reference, weighted), metrics=LOSSES),
        )


def test_many_labels_and_few_are_added_alike() -> None:
    """A joint histogram that is a table, and one that is not."""
    rng = np.random.default_rng(12)
    prediction, reference = rng.integers(0, 700, (2, 40, 40, 20))
    weights = rng.integers(0, 4, (40, 40, 20))
    asked: dict[str, Any] = {"labels": [3, 77, 699], "metrics": LOSSES}
    expected = evaluate_arrays(repeated(prediction, weights), repeated(reference, weights), **asked)
    require_alike(evaluate_arrays(prediction, reference, weights=weights, **asked), expected)


def test_any_cut_of_the_stream_gives_the_same_sums() -> None:
    rng = np.random.default_rng(13)
    reference, p, w = rng.integers(0, 2, 70_000), rng.random(70_000), rng.random(70_000)
    options = TallyOptions(channels=(1,), labels=(1,), weighted=True)
    found = []
    for size in (70_000, 9_973):
        kernel = NumpyBackend().soft_kernel(options, {})
        for start in range(0, p.size, size):
            part = slice(start, start + size)
            stretch = kernel.stretch(reference[part], w[part])
            stretch.add(0, 0, p[part])
            stretch.finish()
        soft_tally = kernel.tally().soft
        assert soft_tally is not None
        found.append(soft_tally.sums)
    for name in ("n", "r", "p", "i", "p2", "i2"):
        assert getattr(found[0], name) == pytest.approx(getattr(found[1], name), rel=1e-14)
    assert found[0].n.tolist() == pytest.approx([w.sum()] * 2, rel=1e-13)


def test_without_any_weight_losses_are_undefined_and_counts_are_not() -> None:
    prediction, reference, _ = maps(14)
    for ours in (prediction, soft(15)):
        report = evaluate_arrays(ours, reference, weights=np.zeros(SHAPE), metrics="dice,soft_dice,ce,gdl_v")
        plain = evaluate_arrays(ours, reference, metrics="dice,soft_dice")
        for label in (1, 2, "all"):
            assert row(report, label).values["dice"] == row(plain, label).values["dice"]
            assert all(np.isnan(row(report, label).values[name]) for name in ("soft_dice", "ce", "gdl_v"))


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        (np.full(SHAPE, np.nan), LabelError, "the weights: holds the weight nan; a weight is a number of at least 0"),
        (np.full(SHAPE, -0.5), LabelError, "the weights: holds the weight -0.5; a weight is a number of at least 0"),
        (np.full(SHAPE, np.inf), LabelError, "the weights: holds the weight inf; a weight is a number of at least 0"),
        (np.ones((2, 2)), GeometryError, "the weights array has shape (2, 2), the reference (7, 6, 5); give one"),
    ],
)
def test_what_is_no_weight_is_refused_in_a_line(weights: Any, error: Any, words: str) -> None:
    prediction, reference, _ = maps(0)
    with pytest.raises(error) as caught:
        evaluate_arrays(prediction, reference, weights=weights)
    assert words in str(caught.value)
