"""The losses of whole maps: by hand, against recorded values of other tools, with ignored voxels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval import evaluate_arrays
from segeval.errors import NotEnoughMemory, UsageError
from segeval.quantities import select

Array = NDArray[Any]
Run = Callable[..., Any]


def losses(metrics: str, p: Array, r: Array, label: int | str = 1, **options: Any) -> dict[str, float]:
    report = evaluate_arrays(p, r, metrics=metrics, **options)
    (row,) = [row for row in report.cases[0].rows if row.label == label]
    return {key: math.nan if value is None else float(value) for key, value in row.values.items()}


def volume(*values: float) -> Array:
    return np.array(values).reshape(-1, 1, 1)


def test_by_hand() -> None:
    """A line of five voxels, the label's the middle three; φ = 1, 0, −1, 0, 1."""
    p, r = volume(0.5, 0.25, 1, 0.75, 0), volume(0, 1, 1, 1, 0).astype(np.uint8)
    found = losses("map_losses", p, r)
    assert found["boundary"] == pytest.approx((0.5 * 1 - 1 * 1) / 5)
    # Errors 0.75, 0.5, 0.25, 0, 0 of an inside, an outside and an inside voxel: Jaccard losses 1/3, 2/4, 3/4.
    assert found["lovasz"] == pytest.approx(0.75 / 3 + 0.5 * (1 / 2 - 1 / 3) + 0.25 * (3 / 4 - 1 / 2))
    # Predicted above 0.5 are the voxels 3 and 4: distances 2 1 1 1 1 to the other side; of the reference 1 1 2 1 1.
    squares = [0.25 * (4 + 1), 0.5625 * (1 + 1), 0, 0.0625 * (1 + 1), 0]
    assert found["hausdorff_dt"] == pytest.approx(sum(squares) / 5)
    # The worst of five voxels is the second: −ln 0.25; the worst two, the first's −ln 0.5 with it.
    assert losses("topk_ce:k=20", p, r, "all") == {"topk_ce:k=20": pytest.approx(math.log(4))}
    assert losses("topk_ce:k=59", p, r, "all") == {"topk_ce:k=59": pytest.approx((math.log(4) + math.log(2)) / 2)}
    assert math.isnan(losses("topk_ce", p, r, "all")["topk_ce"])  # 10 % of 5 voxels are none
    apart = losses("boundary:unit=mm", p, r, spacing=(3, 1, 1))["boundary:unit=mm"]
    assert apart == pytest.approx((3 * 0.5 + (1 - 3) * 0.25 + (1 - 6) * 1 + (1 - 3) * 0.75) / 5)
    assert math.isnan(losses("boundary:unit=mm", p, r)["boundary:unit=mm"])


def test_a_soft_skeleton_by_hand() -> None:
    """A line erodes from three voxels to one, and to none: its skeleton is what opening takes away, the middle."""
    r = volume(0, 1, 1, 1, 0).astype(np.uint8)
    one = volume(0, 0, 1, 0, 0)
    found = losses("soft_cldice:epsilon=0:iterations=2", one, r)
    assert found == {"soft_cldice:epsilon=0:iterations=2": pytest.approx(0.0, abs=1e-15)}
    wide = losses("soft_cldice:epsilon=0:iterations=2", r.astype(float), one.astype(np.uint8), kind="probabilities")
    assert wide == {"soft_cldice:epsilon=0:iterations=2": pytest.approx(0.0, abs=1e-15)}


SHAPES = {"2-D": (12, 10), "3-D": (8, 7, 6)}
# MONAI 1.6.1: HausdorffDTLoss() and (alpha=1); SoftclDiceLoss(include_background=False, smooth=1e-15), the same with
# iter_=1, smooth_nr=smooth_dr=0.1. segmentation_models.pytorch 0.6.0: the Lovász-softmax of the label, and of the
# present classes. torch 2.13.0: the mean of topk(−ln p of the true class, 10 %).
RECORDED = {
    "2-D": [
        0.23201443254947662, 0.12500064074993134, 0.253397662006582, 0.32443701702937877, 0.22226300835609436,
        0.19979535043239594, 0.5175448673106178,
    ],
    "3-D": [
        0.36158666014671326, 0.16987687349319458, 0.5118311319655474, 0.5275634956431279, 0.3519766926765442,
        0.25652503967285156, 0.5359796272010605,
    ],
}  # fmt: skip


def drawn(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """A box, and a map that shows it through noise, with values of exactly 0 and 1."""
    rng = np.random.default_rng(20)
    r = np.zeros(shape, np.bool_)
    r[tuple(slice(2, n - 2) for n in shape)] = True
    return np.clip(r * 0.7 + rng.random(shape) * 0.6 - 0.15, 0, 1).astype(np.float32), r.astype(np.uint8)


@pytest.mark.parametrize("name", SHAPES)
def test_other_tools_give_the_same(name: str) -> None:
    p, r = drawn(SHAPES[name])
    keys = "hausdorff_dt,hausdorff_dt:alpha=1,soft_cldice,soft_cldice:epsilon=0.1:iterations=1,lovasz"
    found = list(losses(keys, p, r).values()) + list(losses("lovasz,topk_ce", p, r, "all").values())
    assert found == pytest.approx(RECORDED[name], rel=1e-6)


def test_a_softmax_a_single_map_and_a_label_map_agree() -> None:
    p, r = drawn((8, 7, 6))
    single = losses("map_losses", p, r)
    assert losses("map_losses", np.stack([1 - p, p]), r) == {k: pytest.approx(v, rel=1e-6) for k, v in single.items()}
    hard = (p > 0.5).astype(np.uint8)
    as_labels = losses("map_losses", hard, r)
    as_map = losses("map_losses", hard.astype(np.float32), r, kind="probabilities")
    assert as_labels == {key: pytest.approx(value, rel=1e-12) for key, value in as_map.items()}
    region = losses("map_losses", p, r, "any", regions=["any=*"])
    assert region == {key: pytest.approx(value, rel=1e-12) for key, value in single.items()}
    independent = losses("map_losses", np.stack([1 - p, p]), r, channels="independent")
    assert independent == {key: pytest.approx(value, rel=1e-6) for key, value in single.items()}


def test_ignored_voxels_count_nowhere() -> None:
    """A block of noise that is ignored changes nothing."""
    p, r = drawn((8, 7, 6))
    wide_p, wide_r = (np.pad(values, ((0, 6), (0, 0), (0, 0))) for values in (p, r))
    wide_p[8:], wide_r[8:] = 0.9, 9
    found = losses("lovasz,topk_ce,hausdorff_dt", wide_p, wide_r, 1, labels="1", ignore_label=9)
    assert found["lovasz"] == pytest.approx(RECORDED["3-D"][4], rel=1e-6)
    all_labels = losses("topk_ce", wide_p, wide_r, "all", labels="1", ignore_label=9)
    assert all_labels["topk_ce"] == pytest.approx(RECORDED["3-D"][6], rel=1e-6)
    assert math.isfinite(found["hausdorff_dt"])


def test_labels_that_are_absent_or_everywhere() -> None:
    p, r = np.full((4, 4, 4), 0.25), np.zeros((4, 4, 4), np.uint8)
    found = losses("map_losses", p, r)
    assert found == {"lovasz": 0.25, "boundary": 0.0, "hausdorff_dt": 0.0, "soft_cldice": pytest.approx(0.0)}
    full = losses("boundary,hausdorff_dt", p, r + 1)
    assert full == {"boundary": 0.0, "hausdorff_dt": 0.0}


def test_files_streamed_in_pieces_give_what_arrays_give(segeval: Run, nifti: Run) -> None:
    p, r = drawn((8, 7, 6))
    softmax = np.stack([1 - p, p], axis=-1)
    files = (nifti("p.nii.gz", softmax), nifti("r.nii.gz", r))
    run = segeval("score", *files, "--metrics", "map_losses", "-f", "json")
    found = {key: value for key, value in run.row(1).items() if key not in ("label", "name")}
    expected = losses("map_losses", np.stack([1 - p, p]), r)
    assert found == {key: pytest.approx(value, rel=1e-12) for key, value in expected.items()}


def test_the_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGEVAL_MAX_MEMORY", "300M")
    p, r = np.zeros((256, 256, 128), np.float32), np.zeros((256, 256, 128), np.uint8)
    with pytest.raises(NotEnoughMemory, match=r"measuring whole maps.*leave map_losses and detection_maps out"):
        losses("lovasz", p, r, kind="probabilities")


def test_weights_are_refused() -> None:
    p, r = drawn((8, 7, 6))
    with pytest.raises(UsageError, match=r"--weights: .*leave map_losses out"):
        losses("lovasz", p, r, weights=np.ones(r.shape))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("boundary:unit=cm", "boundary:unit='cm'; write voxel or mm"),
        ("soft_cldice:iterations=1.5", "soft_cldice:iterations='1.5'; write a number of steps"),
        ("hausdorff_dt:alpha=-1", "hausdorff_dt:alpha='-1'; write a number at least 0"),
        ("topk_ce:k=101", "topk_ce:k='101'; write a number between 0 and 100"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        select(text)
    assert [s.key for s in select("hausdorff_dt:alpha=3,boundary:unit=mm")] == [
        "hausdorff_dt:alpha=3",
        "boundary:unit=mm",
    ]


# Distances between labels


def test_a_wrong_label_costs_as_much_as_it_is_far_by_hand() -> None:
    """Of four voxels 0 1 2 2 the last but one is called 1, and the last 0: δ = 0 0 ½ 1, T = 3 − 1½."""
    p, r = volume(0, 1, 1, 0).astype(np.uint8), volume(0, 1, 2, 2).astype(np.uint8)
    key = "wasserstein_dice:epsilon=0:numerator_epsilon=0"
    found = losses(key, p, r, "all", label_distances=[[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]])
    assert found == {key: pytest.approx(1 - 3 / (3 + 1.5))}
    equally = losses(key, p, r, "all")  # δ = 0 0 1 1, T = 1
    assert equally == {key: pytest.approx(1 - 2 / (2 + 2))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1\n1", "2 rows of 1/2 numbers; write a square"),
        ("", "0 rows of no numbers"),
        ("0,x\n1,0", "line 1: '0,x' are no numbers"),
        ("0,-1\n1,0", "negative"),
        ("0,nan\n1,0", "no number"),
        ("1,1\n1,0", "itself is 0"),
        ("0,0\n0,0", "zeros alone"),
    ],
)
def test_what_is_no_matrix_is_refused(text: str, words: str, segeval: Run, nifti: Run, tmp_path: Any) -> None:
    matrix = tmp_path / "matrix.csv"
    matrix.write_text(text)
    labels = volume(0, 1, 1, 0).astype(np.uint8)
    files = (nifti("p.nii", labels), nifti("r.nii", labels))
    run = segeval("score", *files, "--metrics", "wasserstein_dice", "--label-distances", matrix)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert words in run.err


def test_a_matrix_of_another_size_is_a_line(segeval: Run, nifti: Run, tmp_path: Any) -> None:
    matrix = tmp_path / "matrix.txt"
    matrix.write_text("0 2 4\n2 0 1\n4 1 0\n")
    labels = volume(0, 1, 1, 0).astype(np.uint8)
    files = (nifti("p.nii", labels), nifti("r.nii", labels))
    arguments = ("score", *files, "--metrics", "wasserstein_dice", "--label-distances", matrix, "-f", "json")
    run = segeval(*arguments)
    assert (run.code, run.out) == (3, "")
    assert "a matrix of 3 labels, evaluated are 2 (0, 1)" in run.err
    run = segeval(*arguments, "--labels", "1,2")
    assert run.json["settings"]["label_distances"] == [[0, 0.5, 1], [0.5, 0, 0.25], [1, 0.25, 0]]
    assert "label_distances:3x3-" in run.json["signature"]
    missing = segeval("score", *files, "--label-distances", tmp_path / "none.csv")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
