"""``--mask`` and ``--within`` on the command line: grids, folders, what is refused, and what is written of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segeval import evaluate, evaluate_arrays

Run = Callable[..., Any]
Nifti = Callable[..., Path]

SHAPE = (6, 5, 4)
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
JSON = ("--metrics", "overlap,losses,surface", "--format", "json")


def arrays(seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    prediction, reference = (rng.integers(0, 3, SHAPE, dtype=np.uint8) for _ in range(2))
    return prediction, reference, rng.integers(0, 2, SHAPE, dtype=np.uint8)


@pytest.fixture
def pair(nifti: Nifti) -> tuple[Path, Path, Path]:
    """Prediction, reference and mask on one grid."""
    prediction, reference, mask = arrays()
    return (
        nifti("p.nii.gz", prediction, AFFINE),
        nifti("r.nii.gz", reference, AFFINE),
        nifti("brain.nii.gz", mask, AFFINE),
    )


@pytest.fixture
def folders(nifti: Nifti, tmp_path: Path) -> Path:
    """Three cases and their masks."""
    for number in range(3):
        for side, array in zip("prm", arrays(number), strict=True):
            nifti(f"{side}/case_{number}.nii.gz", array, AFFINE)
    return tmp_path


def emptied(seed: int = 0, **asked: Any) -> Any:
    """Of volumes that are empty where the mask is 0: their distances are those of the masked volumes."""
    prediction, reference, mask = arrays(seed)
    return evaluate_arrays(prediction * mask, reference * mask, spacing=(1, 2, 3), **asked)


def test_a_file_counts_where_it_is_not_0(pair: tuple[Path, Path, Path], segeval: Run) -> None:
    prediction, reference, mask = arrays()
    run = segeval("score", *pair[:2], "--mask", pair[2], *JSON)
    inside = mask != 0
    cut = evaluate_arrays(prediction[inside], reference[inside], metrics="overlap,losses")
    surface = emptied(metrics="surface", labels=[1, 2])
    for label, (flat, spatial) in enumerate(zip(cut.cases[0].rows, surface.cases[0].rows, strict=True), start=1):
        if label < 3:
            row = run.row(label)
            assert {k: row[k] for k in flat.values if "volume_ml" not in k} == pytest.approx(
                {k: v for k, v in flat.values.items() if "volume_ml" not in k}
            )
            assert {k: row[k] for k in spatial.values} == pytest.approx(dict(spatial.values))
    assert "|labels:auto|mask:brain.nii.gz|" in run.json["signature"]
    assert run.json["settings"]["mask"] == str(pair[2])
    assert run.json["cases"][0]["mask"] == {"path": str(pair[2])}
    assert evaluate(*pair[:2], mask=pair[2], metrics="overlap,losses,surface").to_json() + "\n" == run.out


def test_a_mask_of_ones_changes_no_row(pair: tuple[Path, Path, Path], nifti: Nifti, segeval: Run) -> None:
    ones = nifti("ones.nii.gz", np.ones(SHAPE, np.uint8), AFFINE)
    asked = (*pair[:2], "--metrics", "overlap,losses,surface,instances,profile", "--format", "csv")
    assert segeval("score", *asked, "--mask", ones).out == segeval("score", *asked).out


def test_a_mask_that_is_stored_otherwise_is_put_in_order(
    pair: tuple[Path, Path, Path], tmp_path: Path, segeval: Run
) -> None:
    image = nibabel.load(pair[2])
    turned = image.as_reoriented(nibabel.orientations.axcodes2ornt("PIL"))  # type: ignore[attr-defined]
    nibabel.save(turned, tmp_path / "turned.nii.gz")
    straight = segeval("score", *pair[:2], "--mask", pair[2], *JSON)
    run = segeval("score", *pair[:2], "--mask", tmp_path / "turned.nii.gz", *JSON)
    assert run.json["cases"][0]["rows"] == straight.json["cases"][0]["rows"]
    assert any("turned.nii.gz: stored as" in remark for remark in run.remarks)


def test_the_mask_lies_on_the_references_grid_whatever_the_prediction_is_resampled_from(
    nifti: Nifti, segeval: Run
) -> None:
    prediction, reference, mask = (np.kron(array, np.ones((2, 2, 2), np.uint8)) for array in arrays())
    fine = np.diag([0.5, 1.0, 1.5, 1.0])
    fine[:3, 3] = -np.array([0.25, 0.5, 0.75])
    files = nifti("p.nii", arrays()[0], AFFINE), nifti("r.nii", reference, fine), nifti("m.nii", mask, fine)
    run = segeval("score", *files[:2], "--mask", files[2], "--geometry", "resample", "--format", "csv")
    same = nifti("q.nii", prediction, fine)
    straight = segeval("score", same, files[1], "--mask", files[2], "--format", "csv")
    assert run.out.replace("\np,", "\nq,") == straight.out
    coarse = nifti("coarse.nii", arrays()[2], AFFINE)
    refused = segeval("score", *files[:2], "--mask", coarse, "--geometry", "resample")
    assert refused.code == 3
    assert "resample brings" not in refused.err


@pytest.mark.parametrize(
    ("array", "affine", "words"),
    [
        (np.ones((6, 5, 3), np.uint8), AFFINE, "the mask {} and the reference {} lie on different grids: shape 6×5×3"),
        (
            np.ones(SHAPE, np.uint8),
            np.diag([1.0, 2.0, 4.0, 1.0]),
            "different grids: spacing 1×2×4 and 1×2×3 mm; corner voxels lie up to 3 mm apart (tolerance 0.01 mm); "
            "--geometry ignore compares voxel by voxel",
        ),
        (np.ones((*SHAPE, 2), np.uint8), AFFINE, "holds 2 volumes; --mask takes one on the reference's grid"),
        (np.full(SHAPE, np.nan, np.float32), AFFINE, "holds NaN, which says neither yes nor no"),
        (np.zeros(SHAPE, np.uint8), AFFINE, "no voxel lies in {}, so that there is nothing to evaluate"),
    ],
)  # fmt: skip
def test_a_mask_that_fits_not_is_refused_in_a_line(
    array: Any, affine: Any, words: str, pair: tuple[Path, Path, Path], nifti: Nifti, segeval: Run
) -> None:
    mask = nifti("m.nii.gz", array, affine)
    run = segeval("score", *pair[:2], "--mask", mask)
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    for word in words.split("{}"):
        assert word in run.err


def test_within_takes_the_names_of_a_label_file(pair: tuple[Path, Path, Path], tmp_path: Path, segeval: Run) -> None:
    prediction, reference, _ = arrays()
    (tmp_path / "labels.json").write_text('{"background": 0, "liver": 1, "spleen": 2}')
    inside = reference == 2
    for within in ("spleen", "2", "only=2"):
        run = segeval("score", *pair[:2], "--labels", tmp_path / "labels.json", "--within", within, *JSON)
        assert run.row(2)["tp"] == int(np.count_nonzero(prediction[inside] == 2))
        assert run.row(1)["fp"] == int(np.count_nonzero(prediction[inside] == 1))
    run = segeval("score", *pair[:2], "--labels", tmp_path / "labels.json", "--within", "kidney")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "--within: there is no label or region 'kidney'; names are: background, liver, spleen" in run.err


# Folders


def values(report: Any) -> dict[tuple[str, str], Any]:
    return {(c["case"], str(r["label"])): r for c in report["cases"] for r in c["rows"]}


def test_a_folder_of_masks_is_paired_like_the_cases(folders: Path, segeval: Run) -> None:
    run = segeval("batch", folders / "p", folders / "r", "--mask", folders / "m", "--workers", "2", *JSON)
    assert run.code == 0, run.err
    rows = values(run.json)
    for number in range(3):
        single = segeval(
            "score",
            *(folders / side / f"case_{number}.nii.gz" for side in "pr"),
            "--mask",
            folders / f"m/case_{number}.nii.gz",
            *JSON,
        )
        assert {label: row for (case, label), row in rows.items() if case == f"case_{number}"} == {
            str(row["label"]): row for row in single.json["cases"][0]["rows"]
        }
    assert run.json["cases"][1]["mask"] == {"path": str(folders / "m/case_1.nii.gz")}


def test_one_file_is_the_mask_of_all_cases(folders: Path, segeval: Run) -> None:
    mask = folders / "m/case_0.nii.gz"
    run = segeval("batch", folders / "p", folders / "r", "--mask", mask, "--workers", "1", *JSON)
    assert [case["mask"]["path"] for case in run.json["cases"]] == [str(mask)] * 3


def test_a_case_without_a_mask_fails_alone(folders: Path, segeval: Run) -> None:
    (folders / "m/case_1.nii.gz").unlink()
    (folders / "m/other").mkdir()
    (folders / "m/case_2.nii.gz").rename(folders / "m/other/CASE.nii.gz")
    run = segeval("batch", folders / "p", folders / "r", "--mask", folders / "m", "--workers", "1", *JSON)
    assert run.code == 3
    assert [case["status"] for case in run.json["cases"]] == ["ok", "error", "error"]
    assert run.json["cases"][1]["reason"] == (
        f"--mask {folders / 'm'} holds no file of this case; add it under the name of the case"
    )


def test_a_case_with_several_masks_fails_alone(folders: Path, segeval: Run) -> None:
    (folders / "m/again").mkdir()
    (folders / "m/again/case_1.nii.gz").write_bytes((folders / "m/case_1.nii.gz").read_bytes())
    run = segeval("batch", folders / "p", folders / "r", "--mask", folders / "m", "--workers", "1", *JSON)
    assert run.code == 0  # the layout of the cases looks into no folder
    (folders / "m/case_1.nii").write_bytes(b"")
    run = segeval("batch", folders / "p", folders / "r", "--mask", folders / "m", "--workers", "1", *JSON)
    assert [case["status"] for case in run.json["cases"]] == ["ok", "error", "ok"]
    assert "holds several files of this case" in run.json["cases"][1]["reason"]


def test_a_dry_run_names_the_cases_without_a_mask(folders: Path, segeval: Run) -> None:
    asked = ("batch", folders / "p", folders / "r", "--mask", folders / "m", "--dry-run")
    assert "would fail" not in segeval(*asked).out
    (folders / "m/case_1.nii.gz").unlink()
    run = segeval(*asked)
    assert (run.code, run.err) == (0, "")
    assert f"Cases that would fail\n  case_1: --mask {folders / 'm'} holds no file of this case" in run.out


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_masks_is_refused(name: str, folders: Path, segeval: Run) -> None:
    (folders / "empty").mkdir()
    run = segeval("batch", folders / "p", folders / "r", "--mask", folders / name)
    assert (run.code, run.err.count("\n")) == (3, 1)
    assert name in run.err


def test_a_manifests_cases_find_their_masks_by_name(folders: Path, segeval: Run) -> None:
    lines = [f"case_{number},p/case_{number}.nii.gz,r/case_{number}.nii.gz" for number in range(3)]
    (folders / "pairs.csv").write_text("\n".join(["case,prediction,reference", *lines]))
    run = segeval("batch", "--manifest", folders / "pairs.csv", "--mask", folders / "m", "--workers", "1", *JSON)
    assert [Path(case["mask"]["path"]).name for case in run.json["cases"]] == [f"case_{n}.nii.gz" for n in range(3)]


def test_bids_derivatives_find_their_masks(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    for subject in ("sub-01", "sub-02"):
        for side, name, array in zip("prm", ("dseg", "dseg", "desc-brain_mask"), arrays(), strict=True):
            nifti(f"{side}/{subject}/anat/{subject}_{name}.nii.gz", array, AFFINE)
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--mask", tmp_path / "m", "--workers", "1", *JSON)
    assert run.code == 0, run.err
    assert [Path(case["mask"]["path"]).name for case in run.json["cases"]] == [
        f"sub-0{n}_desc-brain_mask.nii.gz" for n in (1, 2)
    ]


def test_a_mask_that_changed_is_scored_again(folders: Path, nifti: Nifti, segeval: Run) -> None:
    asked = ("batch", folders / "p", folders / "r", "--workers", "1", "-o", folders / "x.json", "--resume")
    for words in (("--mask", folders / "m"), ("--mask", folders / "m/case_0.nii.gz")):
        assert segeval(*asked, *words).code == 0
        before = json.loads((folders / "x.json").read_text())
        nifti("m/case_0.nii.gz", 1 - np.asarray(nibabel.load(folders / "m/case_0.nii.gz").dataobj), AFFINE)
        assert segeval(*asked, *words).code == 0
        after = json.loads((folders / "x.json").read_text())
        assert before["cases"][0]["rows"] != after["cases"][0]["rows"]


def test_provenance_names_and_hashes_the_masks(folders: Path, segeval: Run) -> None:
    mask = folders / "m/case_0.nii.gz"
    digest = hashlib.sha256(mask.read_bytes()).hexdigest()
    pair = [folders / side / "case_0.nii.gz" for side in "pr"]
    for words in (["score", *pair, "--mask", mask, "--hash"], ["check", folders / "p", folders / "r", "--mask",
                  folders / "m", "--require", "mean(dice) >= 0"]):  # fmt: skip
        assert segeval(*words, "--provenance", folders / "run.json").code == 0
        noted = json.loads((folders / "run.json").read_text())
        (entry,) = [file for file in noted["files"] if file["path"] == str(mask)]
        assert (entry["sha256"], entry["header"]["shape"]) == (digest, list(SHAPE))
    run = segeval("score", *pair, "--mask", mask, "--hash", "--format", "json")
    assert run.json["cases"][0]["mask"] == {"path": str(mask), "sha256": digest}


def test_an_output_may_not_be_the_mask(pair: tuple[Path, Path, Path], segeval: Run) -> None:
    run = segeval("score", *pair[:2], "--mask", pair[2], "-o", pair[2])
    assert run.code == 2
    assert nibabel.load(pair[2]).shape == SHAPE


def test_pictures_show_errors_where_voxels_count(folders: Path, segeval: Run) -> None:
    asked = ("batch", folders / "p", folders / "r", "--mask", folders / "m", "--workers", "1")
    run = segeval(*asked, "-o", folders / "x.html", "-o", folders / "x.json")
    assert run.code == 0, run.err
    page = (folders / "x.html").read_text()
    assert "no picture" not in page
    assert page.count("<svg") > 0
    again = segeval("report", folders / "x.json", "-o", folders / "y.html")
    assert again.code == 0, again.err
    assert "no picture" not in (folders / "y.html").read_text()


# Weights


def test_weights_are_read_beside_the_pair(pair: tuple[Path, Path, Path], nifti: Nifti, segeval: Run) -> None:
    prediction, reference, mask = arrays()
    weights = np.random.default_rng(3).random(SHAPE).astype(np.float32)
    path = nifti("weights.nii.gz", weights, AFFINE)
    run = segeval("score", *pair[:2], "--weights", path, "--mask", pair[2], "--metrics", "losses", "--format", "json")
    expected = evaluate_arrays(prediction, reference, weights=weights, mask=mask, metrics="losses")
    for row in expected.cases[0].rows:
        assert {k: run.row(row.label)[k] for k in row.values} == pytest.approx(dict(row.values))
    assert "|mask:brain.nii.gz|weights:weights.nii.gz|" in run.json["signature"]
    assert run.json["cases"][0]["weights"] == {"path": str(path)}


@pytest.mark.parametrize("compressed", [False, True])
def test_the_channels_of_a_file_have_weights_in_whatever_order_they_come(
    compressed: bool, nifti: Nifti, segeval: Run
) -> None:
    rng = np.random.default_rng(5)
    soft = rng.dirichlet(np.ones(3), SHAPE).astype(np.float32)
    weights, reference = rng.random(SHAPE), arrays()[1]
    files = [
        nifti(f"{name}.nii{'.gz' if compressed else ''}", array, AFFINE)
        for name, array in (("p", soft), ("r", reference), ("w", weights))
    ]
    run = segeval("score", *files[:2], "--weights", files[2], "--metrics", "losses", "--format", "json")
    expected = evaluate_arrays(soft, reference, class_axis=3, weights=weights, metrics="losses")
    for row in expected.cases[0].rows:
        assert {k: run.row(row.label)[k] for k in row.values} == pytest.approx(dict(row.values))


def test_pooled_and_resumed_batches_keep_the_weights(folders: Path, nifti: Nifti, segeval: Run) -> None:
    rng = np.random.default_rng(8)
    everything = [np.concatenate([arrays(number)[side].ravel() for number in range(3)]) for side in range(2)]
    weights = [rng.random(SHAPE) for _ in range(3)]
    for number, array in enumerate(weights):
        nifti(f"w/case_{number}.nii.gz", array, AFFINE)
    asked = ("batch", folders / "p", folders / "r", "--weights", folders / "w", "--workers", "1", "--pooled")
    expected = evaluate_arrays(*everything, weights=np.concatenate([w.ravel() for w in weights]), metrics="losses")
    for more in ((), ("--resume",)):
        assert segeval(*asked, "--metrics", "losses", "-o", folders / "x.json", *more).code == 0
        found = {row["label"]: row for row in json.loads((folders / "x.json").read_text())["pooled"]}
        for row in expected.cases[0].rows:
            assert {k: found[row.label][k] for k in row.values} == pytest.approx(dict(row.values))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full(SHAPE, -1.0), "holds the weight -1; a weight is a number of at least 0"),
        (np.full(SHAPE, np.nan), "holds the weight nan; a weight is a number of at least 0"),
        (np.ones((6, 5, 3)), "lie on different grids: shape 6×5×3 and 6×5×4"),
    ],
)
def test_weights_that_are_none_are_refused_in_a_line(
    array: Any, words: str, pair: tuple[Path, Path, Path], nifti: Nifti, segeval: Run
) -> None:
    run = segeval("score", *pair[:2], "--weights", nifti("w.nii.gz", array, AFFINE))
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert words in run.err
    run = segeval("score", *pair[:2], "--weights", nifti("w.nii.gz", array, AFFINE), "--backend", "cupy")
    assert (run.code, run.err.count("\n")) == (3, 1)


def test_weights_in_another_axis_order_ask_for_their_memory(
    nifti: Nifti, tmp_path: Path, segeval: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (128, 128, 64)
    files = [nifti(f"{name}.nii.gz", np.ones(shape, np.uint8), AFFINE) for name in "pr"]
    image = nibabel.Nifti1Image(np.ones(shape, np.float32), AFFINE)
    turned = image.as_reoriented(nibabel.orientations.axcodes2ornt("PIL"))  # type: ignore[attr-defined]
    nibabel.save(turned, tmp_path / "w.nii.gz")
    assert segeval("score", *files, "--weights", tmp_path / "w.nii.gz").code == 0
    monkeypatch.setenv("SEGEVAL_MAX_MEMORY", "3M")
    for option in ("--weights", "--mask"):
        run = segeval("score", *files, option, tmp_path / "w.nii.gz")
        assert (run.code, run.err.count("\n")) == (3, 1)
        assert "storage in another axis order" in run.err


def test_weights_are_summed_on_the_processor(pair: tuple[Path, Path, Path], segeval: Run) -> None:
    run = segeval("score", *pair[:2], "--weights", pair[2], "--backend", "cupy", "--format", "json")
    assert any("counted on the processor" in remark for remark in run.remarks)
