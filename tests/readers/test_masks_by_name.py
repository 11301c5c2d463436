"""Folders of masks beside files: classes are told apart by name, and never taken for the numbers of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from masks_in_folders import AFFINE, LABELS, NAMES, OTHER, Array, Nifti, Segeval, counts, masks_of

FolderOf = Callable[..., Path]

LABEL = '<Label Key="{}" Red="1.0" Green="0.0" Blue="0.5" Alpha="1"><![CDATA[{}]]></Label>'
TABLE = (
    '<?xml version="1.0"?><CaretExtension><VolumeInformation>'
    "<LabelTable>{}</LabelTable></VolumeInformation></CaretExtension>"
)


def named(path: Path, labels: Array, names: dict[int, str]) -> Path:
    """A label map that carries names, as TotalSegmentator writes them with --ml."""
    image = nibabel.Nifti1Image(labels, AFFINE)
    table = TABLE.format("".join(LABEL.format(*item) for item in names.items()))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, table.encode()))
    nibabel.save(image, path)
    return path


def dice_of(run: Any) -> dict[str, float]:
    """By the names of rows."""
    assert run.code == 0, run.err
    return {row["name"]: row["dice"] for row in run.json["cases"][0]["rows"] if row["name"]}


def expected() -> dict[str, float]:
    """By class, from the masks themselves."""
    found = {}
    for name, value in NAMES.items():
        c = counts(value == OTHER, value == LABELS)
        found[name] = 2 * c["tp"] / (2 * c["tp"] + c["fp"] + c["fn"])
    return found


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_a_file_that_names_its_labels_is_compared_by_name(
    side: str, folder_of: FolderOf, tmp_path: Path, segeval: Segeval
) -> None:
    labels = {"prediction": OTHER, "reference": LABELS}
    files = {side: folder_of(side, masks_of(labels[side]))}
    (other,) = labels.keys() - {side}
    files[other] = named(tmp_path / "x.nii.gz", labels[other], {1: "Aorta", 2: "LIVER", 7: "spleen"})
    run = segeval("score", files["prediction"], files["reference"], "--format", "json")
    assert dice_of(run) == pytest.approx(expected(), abs=1e-15)
    assert sum("told apart by name" in remark for remark in run.remarks) == 1


def test_a_name_that_the_folder_lacks_has_a_number_of_its_own(
    folder_of: FolderOf, tmp_path: Path, segeval: Segeval
) -> None:
    masks = masks_of(LABELS)
    del masks["liver"]
    file = named(tmp_path / "x.nii.gz", LABELS, {1: "liver", 2: "aorta", 7: "spleen"})
    run = segeval("score", file, folder_of("r", masks), "--format", "json")
    assert dice_of(run) == {"aorta": 0.0, "spleen": 1.0, "liver": 0.0}
    rows = {row["name"]: row["label"] for row in run.json["cases"][0]["rows"] if row["name"]}
    assert rows["liver"] not in (rows["aorta"], rows["spleen"])


def test_a_file_that_shares_no_name_shares_no_label(folder_of: FolderOf, tmp_path: Path, segeval: Segeval) -> None:
    file = named(tmp_path / "x.nii.gz", np.where(LABELS == 1, 1, 0).astype(np.uint8), {1: "kidney"})
    run = segeval("score", file, folder_of("r", {"aorta": LABELS == 1}), "--format", "json")
    assert dice_of(run) == {"aorta": 0.0, "kidney": 0.0}


def test_a_batch_takes_no_class_for_the_number_of_a_file(folder_of: FolderOf, nifti: Nifti, segeval: Segeval) -> None:
    """Classes in alphabetical order were taken for 1, 2, 3."""
    predictions = folder_of("p/a", masks_of(LABELS)).parent
    run = segeval("batch", predictions, nifti("r/a.nii.gz", LABELS, AFFINE).parent, "--format", "json")
    assert run.code == 3
    assert "holds masks by name (aorta, liver, spleen), the other volume labels by number" in run.err


def test_nor_in_a_case_that_has_no_masks(folder_of: FolderOf, nifti: Nifti, segeval: Segeval, tmp_path: Path) -> None:
    pairs = [
        (folder_of("p", masks_of(OTHER)), folder_of("r", masks_of(LABELS))),
        (nifti("p.nii", OTHER, AFFINE), nifti("r.nii", LABELS, AFFINE)),
        (
            named(tmp_path / "pn.nii", OTHER, {v: n for n, v in NAMES.items()}),
            named(tmp_path / "rn.nii", LABELS, {v: n for n, v in NAMES.items()}),
        ),
    ]
    lines = [f"{place},{p},{r}" for place, (p, r) in enumerate(pairs)]
    (tmp_path / "pairs.csv").write_text("\n".join(["case,prediction,reference", *lines]), encoding="utf-8")
    run = segeval("batch", "--manifest", tmp_path / "pairs.csv", "--format", "json")
    cases = {case["case"]: case for case in run.json["cases"]}
    assert [cases[case]["status"] for case in "012"] == ["ok", "error", "ok"]
    assert "holds labels by number, and other cases masks by name (aorta, liver, spleen)" in cases["1"]["reason"]
    for case in "02":
        found = {row["name"]: row["dice"] for row in cases[case]["rows"] if row["name"]}
        assert found == pytest.approx(expected(), abs=1e-15)
