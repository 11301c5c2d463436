"""``segeval.count``, tallies that add, and ``Accumulator``: what is counted in parts is scored like the whole."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import zlib
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segeval import Accumulator, Report, Tally, count, evaluate, evaluate_arrays
from segeval.errors import LabelError, UnreadableFile, UsageError

STORED = Path(__file__).with_name("tally_1.json")  # bytes of the first version of the format
LABELS = {"liver": 1, "tumor": 2}
OPTIONS: dict[str, Any] = {"labels": LABELS, "regions": {"both": [1, 2]}, "metrics": "overlap,losses,more_losses"}


def pairs(soft: bool) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(11)
    found = []
    for size in (5, 6, 7):
        reference = rng.integers(0, 3, (size, 8, 9))
        softmax = np.moveaxis(rng.dirichlet(np.ones(3), reference.shape), -1, 0)
        found.append((softmax if soft else softmax.argmax(axis=0), reference))
    return found


def require_equal(found: Report, expected: Report, rel: float) -> None:
    assert found.signature == expected.signature
    assert found.cases[0].confusion == expected.cases[0].confusion
    for one, other in zip(found.cases[0].rows, expected.cases[0].rows, strict=True):
        assert (one.label, one.name) == (other.label, other.name)
        assert dict(one.values) == pytest.approx(dict(other.values), rel=rel, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("metrics", ["overlap,losses,more_losses", "default", "dice,auroc,ece"])
def test_the_sum_of_tallies_is_the_tally_of_all_voxels(soft: bool, metrics: str) -> None:
    if not soft and "auroc" in metrics:
        pytest.skip("curves are of probabilities")
    options = OPTIONS | {"metrics": None if metrics == "default" else metrics}
    tallies = [count(*pair, **options, voxel_volume_mm3=2.0) for pair in pairs(soft)]
    total = reduce(add, tallies)
    predictions, references = zip(*pairs(soft), strict=True)
    whole = evaluate_arrays(
        np.concatenate(predictions, axis=1 if soft else 0), np.concatenate(references), **options, voxel_volume_mm3=2.0
    )
    require_equal(total.score(), whole, rel=1e-12)
    assert total.volumes == 3
    assert (tallies[2] + (tallies[1] + tallies[0])).score().cases[0].confusion == whole.cases[0].confusion
    again = Tally.from_bytes(total.to_bytes())
    assert again.to_bytes() == total.to_bytes()
    require_equal(again.score(), total.score(), rel=0)


def test_three_processes_count_and_one_scores(tmp_path: Path) -> None:
    script = """
import sys
import numpy as np
from segeval import count
data = np.load(sys.argv[1])
tally = count(data["p"], data["r"], labels={"liver": 1, "tumor": 2}, metrics="overlap,losses")
open(sys.argv[2], "wb").write(tally.to_bytes())
"""
    tallies = []
    for number, (prediction, reference) in enumerate(pairs(soft=True)):
        np.savez(tmp_path / f"{number}.npz", p=prediction, r=reference)
        stored = tmp_path / f"{number}.tally"
        subprocess.run([sys.executable, "-c", script, tmp_path / f"{number}.npz", stored], check=True)
        tallies.append(Tally.from_bytes(stored.read_bytes()))
    predictions, references = zip(*pairs(soft=True), strict=True)
    whole = evaluate_arrays(
        np.concatenate(predictions, axis=1), np.concatenate(references), labels=LABELS, metrics="overlap,losses"
    )
    require_equal(reduce(add, tallies).score(), whole, rel=1e-12)


def test_files_are_counted_like_arrays(tmp_path: Path) -> None:
    (prediction, reference), *_ = pairs(soft=False)
    for name, array in (("p", prediction), ("r", reference)):
        nibabel.Nifti1Image(array.astype(np.uint8), np.diag([1.0, 2.0, 3.0, 1.0])).to_filename(tmp_path / f"{name}.nii")
    options = {"labels": LABELS, "metrics": "overlap"}
    tally = count(tmp_path / "p.nii", str(tmp_path / "r.nii"), **options)
    require_equal(tally.score(), evaluate(tmp_path / "p.nii", tmp_path / "r.nii", **options), rel=0)
    assert tally.voxel_volume_mm3 == 6.0
    of_others = tally + count(tmp_path / "p.nii", tmp_path / "p.nii", **options, geometry="strict")
    assert of_others.score().cases[0].rows[0].values["ref_volume_ml"] > 0
    with pytest.raises(UsageError, match="one side is a path and the other is not"):
        count(tmp_path / "p.nii", reference)


def test_volumes_of_another_grid_have_no_common_volume() -> None:
    (prediction, reference), *_ = pairs(soft=False)
    one, other = (count(prediction, reference, spacing=(1, 1, mm)) for mm in (1, 2))
    assert math.isnan((one + other).score().cases[0].rows[0].values["ref_volume_ml"])
    assert (one + other).score().cases[0].rows[0].values["dice"] == one.score().cases[0].rows[0].values["dice"]


def test_tallies_of_other_settings_do_not_add() -> None:
    (softmax, reference), *_ = pairs(soft=True)
    one = count(softmax, reference)
    with pytest.raises(UsageError, match=r"tallies of other settings do not add: threshold is 0\.5 and 0\.4"):
        one + count(softmax, reference, threshold=0.4)
    with pytest.raises(UsageError, match="do not add: kind is probabilities and labels"):
        one + count(softmax.argmax(axis=0), reference)
    with pytest.raises(UsageError, match=r"tallies do not add: .*; name the same labels for both"):
        one + count(softmax[:2] / softmax[:2].sum(axis=0), (reference == 1).astype(int))
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]


def test_no_addition_mixes_organs_rows_or_columns() -> None:
    """What a report would name otherwise: which label an organ is, which rows there are, which columns."""
    prediction, reference = pairs(soft=False)[0]
    base: dict[str, Any] = {"labels": {"liver": 1, "spleen": 2}, "metrics": "dice"}
    one = count(prediction, reference, **base)
    for other, said in (
        ({"labels": {"spleen": 1, "liver": 2}}, "label 1 is 'liver' and 'spleen'"),
        ({"metrics": "iou"}, "metrics is dice and iou"),
        ({"background": True}, "background is False and True"),
    ):
        with pytest.raises(UsageError, match=f"tallies of other settings do not add: {said}"):
            one + count(prediction, reference, **base | other)
        with pytest.raises(UsageError, match="tallies of other settings do not add"):
            count(prediction, reference, **base | other) + one
    unnamed = count(prediction, reference, labels=[1, 2], metrics="dice")
    for total in (one + unnamed, unnamed + one):
        assert [row.name for row in total.score().cases[0].rows[:2]] == ["liver", "spleen"]


def test_an_empty_accumulator_takes_its_own_settings_alone() -> None:
    (softmax, reference), *_ = pairs(soft=True)
    metric = Accumulator(labels=LABELS, metrics="dice", class_axis=-1)
    for options in ({"metrics": "iou"}, {"background": True}, {"threshold": 0.4}, {"labels": {"tumor": 1, "liver": 2}}):
        given: dict[str, Any] = {"labels": LABELS, "metrics": "dice"} | options
        with pytest.raises(UsageError, match="tallies of other settings do not add"):
            metric.merge(count(softmax, reference, **given))
    with pytest.raises(UsageError, match="kind is labels and probabilities"):
        Accumulator(metrics="dice", kind="labels").merge(count(softmax, reference, metrics="dice"))
    junk: Any
    for junk in ("junk", 3, None):
        with pytest.raises(UsageError, match=f"merge: give .* type {type(junk).__name__}"):
            metric.merge(junk)
    last = np.moveaxis(softmax, 0, -1)
    metric.merge(count(last, reference, labels=LABELS, metrics="dice", class_axis=-1, mask=reference > 0))
    metric.update(last, reference, mask=reference > 0)
    assert metric.compute().cases[0].case == "2 volumes"


def test_what_does_not_add_is_refused_before_it_is_counted() -> None:
    (prediction, reference), *_ = pairs(soft=False)
    for metrics in ("hd95", "dice,instance_f1", "cldice", "lovasz", "lesion_ap", "dice,mine=dice + hd95"):
        said = f"count: {metrics.split(',')[-1].partition('=')[0]}: not made of sums that add"
        with pytest.raises(UsageError, match=said):
            count(prediction, reference, metrics=metrics)
        with pytest.raises(UsageError, match=said):
            Accumulator(metrics=metrics)


def damaged(content: bytes) -> list[bytes]:
    head, _, text = content.partition(b"\n")
    other = text.replace(b"segeval-tally/1", b"segeval-tally/9")
    without = json.dumps({"schema": "segeval-tally/1"}).encode()
    return [
        b"",
        b"nothing",
        content[:-1],
        content.replace(b"0.5", b"0.6", 1),
        head + b"\n",
        *(b"%08x\n%s" % (zlib.crc32(each), each) for each in (other, without, b"[]", b"{", b"null")),
    ]


def test_what_is_no_tally_is_refused_in_a_line() -> None:
    (softmax, reference), *_ = pairs(soft=True)
    for content in damaged(count(softmax, reference, metrics="dice").to_bytes()):
        with pytest.raises(UnreadableFile) as caught:
            Tally.from_bytes(content)
        assert "\n" not in str(caught.value)


def edited(content: bytes, path: tuple[str | int, ...], value: Any) -> bytes:
    """With another value at this place, and a checksum that fits."""
    document = json.loads(content.partition(b"\n")[2])
    held = document
    for step in path[:-1]:
        held = held[step]
    held[path[-1]] = value
    text = json.dumps(document).encode()
    return b"%08x\n%s" % (zlib.crc32(text), text)


SOFT = ("tally", "soft")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tally", "confusion", "pairs"), [[1, 1, -100]]),
        (("tally", "confusion", "pairs"), [[1, 1, "7"]]),
        (("tally", "confusion", "pairs"), [[1, 1, 2**70]]),
        (("tally", "confusion", "pairs"), [[1, 1, 2**53], [0, 0, 2**53]]),
        (("tally", "confusion", "pairs"), [[2**70, 1, 1]]),
        ((*SOFT, "counts", 0, 0), 2**70),
        ((*SOFT, "counts", 0), []),
        ((*SOFT, "moments", 0), [1.0]),
        ((*SOFT, "moments", 0, 0), None),
        ((*SOFT, "targets"), [0, 1]),
        ((*SOFT, "targets", 1), 7),
        ((*SOFT, "logs"), []),
        ((*SOFT, "histogram"), [[9, 0, 1, 1, 0.5]]),
        ((*SOFT, "histogram"), [[0, 10**6, 1, 1, 0.5]]),
        ((*SOFT, "histogram"), None),
        (SOFT, None),
        (("tally", "options", "labels"), [1]),
        (("volumes",), -1),
        (("volumes",), "2"),
        (("kind",), "pictures"),
        (("voxel_volume_mm3",), -1.0),
        (("names",), [["1", 2]]),
        (("settings", "threshold"), "a"),
        (("settings", "metrics"), ["hd95"]),
        (("settings", "metrics"), ["focal:gamma=3"]),
    ],
)
def test_hostile_content_under_a_fitting_checksum_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    (softmax, reference), *_ = pairs(soft=True)
    content = count(softmax, reference, labels=LABELS, metrics="dice,ce,ece").to_bytes()
    with pytest.raises(UnreadableFile, match="no tally that can be read") as caught:
        Tally.from_bytes(edited(content, path, value))
    assert "\n" not in str(caught.value)


def test_nesting_without_end_is_refused() -> None:
    text = b"[" * 10**6
    with pytest.raises(UnreadableFile, match="RecursionError"):
        Tally.from_bytes(b"%08x\n%s" % (zlib.crc32(text), text))


def test_whatever_holds_bytes_is_read() -> None:
    content = STORED.read_bytes()
    for held in (bytearray(content), memoryview(content)):
        assert Tally.from_bytes(held) == Tally.from_bytes(content)
    junk: Any
    for junk in (None, content.decode(), 5):
        with pytest.raises(UsageError, match=f"read from bytes; this is of the type {type(junk).__name__}"):
            Tally.from_bytes(junk)


def test_regions_of_a_label_file_stay_the_only_rows(tmp_path: Path) -> None:
    """nnU-Net's regions: of the whole Dice 1, of the core 2 · 1 / 3, and the mean is of both."""
    labels = {"background": 0, "whole": [1, 2], "core": 2}
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"labels": labels, "regions_class_order": [1, 2]}))
    tally = count(np.array([1, 2, 2, 0]), np.array([1, 1, 2, 0]), labels=path, metrics="dice")
    again = Tally.from_bytes(tally.to_bytes())
    assert again == tally
    assert (again + tally).score().flat() == pytest.approx({
        "whole/dice": 1, "core/dice": 2 / 3, "mean/dice": 5 / 6, "all/dice": 2 / 3
    })  # fmt: skip


def test_tallies_are_equal_where_what_was_counted_is() -> None:
    (softmax, reference), (other, of_other), *_ = pairs(soft=True)
    options: dict[str, Any] = {"labels": LABELS, "metrics": "losses,more_losses,ece"}
    one = count(softmax, reference, **options)
    assert one == count(softmax, reference, **options)
    assert one == Tally.from_bytes(one.to_bytes())
    assert one != count(other, of_other, **options)
    assert one != count(softmax, reference, **options | {"metrics": "losses,more_losses"})
    assert one != 1


def test_a_tally_of_the_first_format_is_still_read() -> None:
    """Counted by hand: liver 2 of 3 voxels found and one invented, so that Dice is 2·2 / (3 + 3)."""
    tally = Tally.from_bytes(STORED.read_bytes())
    (liver, *_) = tally.score().cases[0].rows
    assert (tally.kind, tally.volumes, liver.name) == ("labels", 2, "liver")
    assert liver.values["dice"] == pytest.approx(4 / 6)
    assert (tally + tally).volumes == 4


def test_an_accumulator_is_a_metric_of_a_loop() -> None:
    metric = Accumulator(**OPTIONS)
    with pytest.raises(UsageError, match="nothing was added yet"):
        metric.compute()
    for pair in pairs(soft=True)[:2]:
        metric.update(*pair)
    other = Accumulator(**OPTIONS)
    other.update(*pairs(soft=True)[2])
    metric.merge(other)
    expected = reduce(add, [count(*pair, **OPTIONS) for pair in pairs(soft=True)]).score()
    require_equal(metric.compute(), expected, rel=0)
    metric.reset()
    metric.merge(other)
    require_equal(metric.compute(), count(*pairs(soft=True)[2], **OPTIONS).score(), rel=0)
    metric.merge(Accumulator(**OPTIONS))  # which is empty
    assert metric.tally is not None
    assert metric.tally.volumes == 1
    masked = Accumulator(metrics="dice", labels=[1])
    prediction, reference = pairs(soft=False)[0]
    masked.update(prediction, reference, mask=reference == 1)
    assert masked.compute().cases[0].rows[0].values["dice"] > 0.5


class OnlyDlpack:
    """An array of a library that NumPy knows nothing of."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **asked: Any) -> Any:
        return self.array.__dlpack__(**asked)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class WithGradient:
    """A tensor that gives no array before it is detached, as PyTorch's of a training step."""

    dtype = "torch.bfloat16"

    def __init__(self, array: Any, *, leaf: bool = True) -> None:
        self._array, self._leaf = array, leaf

    def detach(self) -> WithGradient:
        return WithGradient(self._array, leaf=False)

    def float(self) -> Any:
        assert not self._leaf
        return self._array.astype(np.float32)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Got unsupported ScalarType BFloat16")


def test_arrays_of_other_libraries_are_taken() -> None:
    (softmax, reference), *_ = pairs(soft=True)
    expected = evaluate_arrays(softmax, reference)
    require_equal(evaluate_arrays(OnlyDlpack(softmax), OnlyDlpack(reference)), expected, rel=0)
    narrow = evaluate_arrays(softmax.astype(np.float32), reference)
    require_equal(evaluate_arrays(WithGradient(softmax), reference), narrow, rel=0)
    with pytest.raises(LabelError, match="dtype object"):
        evaluate_arrays(object(), reference)
