"""Predictions and references find each other in the folders that people really have."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import PairingError, SegevalError, UnreadableFile, UsageError
from segeval.pairing import LAYOUTS, CasePair, Pairing, pair_folders, read_manifest

Tree = Callable[..., Path]


def write_tree(root: Path, files: Iterable[str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Empty files in a folder: ``tree("predictions", "a.nii.gz", "b/c.nii.gz")``."""
    return lambda name, *files: write_tree(tmp_path / name, files)


def shown(pairing: Pairing, predictions: Path, references: Path) -> dict[str, tuple[str, str]]:
    """Case -> both paths, relative to their folders."""
    return {
        pair.case: (
            "" if pair.prediction is None else pair.prediction.relative_to(predictions).as_posix(),
            pair.reference.relative_to(references).as_posix(),
        )
        for pair in pairing.pairs
    }


def nothing_left(pairing: Pairing) -> bool:
    return not (pairing.missing or pairing.extra or pairing.duplicates or pairing.ambiguous)


# nnU-Net


@pytest.fixture
def kits_nnunet(tree: Tree) -> tuple[Path, Path]:
    """Dataset220_KiTS2023 with labelsTs, and what nnUNetv2_predict --save_probabilities leaves."""
    cases = ("case_00003", "case_00017", "case_00042")
    raw = tree(
        "nnUNet_raw/Dataset220_KiTS2023",
        "dataset.json",
        *(f"imagesTs/{case}_0000.nii.gz" for case in cases),
        *(f"labelsTs/{case}.nii.gz" for case in cases),
    )
    predictions = tree(
        "predictions",
        "dataset.json",
        "plans.json",
        "predict_from_raw_data_args.json",
        "summary.json",
        "postprocessing.json",
        "postprocessing.pkl",
        *(f"{case}{ending}" for case in cases for ending in (".nii.gz", ".npz", ".pkl")),
    )
    return predictions, raw / "labelsTs"


def test_nnunet_predictions_pair_with_labels_ts_and_nothing_else_counts(kits_nnunet: tuple[Path, Path]) -> None:
    pairing = pair_folders(*kits_nnunet)
    assert pairing.layout == "nnunet"
    assert nothing_left(pairing)
    assert shown(pairing, *kits_nnunet) == {
        case: (f"{case}.nii.gz", f"{case}.nii.gz") for case in ("case_00003", "case_00017", "case_00042")
    }


def test_the_npz_beside_the_label_map_is_the_prediction_where_probabilities_are_asked_for(
    kits_nnunet: tuple[Path, Path],
) -> None:
    pairing = pair_folders(*kits_nnunet, probabilities=True)
    assert nothing_left(pairing)
    assert [pair.prediction.name for pair in pairing.pairs if pair.prediction] == [
        "case_00003.npz",
        "case_00017.npz",
        "case_00042.npz",
    ]
    assert all(pair.reference.name.endswith(".nii.gz") for pair in pairing.pairs)


def test_an_npz_without_a_label_map_is_a_prediction_too(tree: Tree) -> None:
    predictions = tree("p", "dataset.json", "a.npz", "b.npz")
    references = tree("r", "a.nii.gz", "b.nii.gz")
    assert nothing_left(pair_folders(predictions, references, probabilities=True))
    assert pair_folders(predictions, references, probabilities=True).layout == "nnunet"
    assert pair_folders(predictions, references).layout == "name"
    assert pair_folders(predictions, references, layout="name").pairs[0].prediction == predictions / "a.npz"


def test_predictions_without_an_npz_are_named_where_others_have_one(tree: Tree) -> None:
    pairing = pair_folders(
        tree("p", "a.nii.gz", "a.npz", "b.nii.gz"), tree("r", "a.nii.gz", "b.nii.gz"), probabilities=True
    )
    assert [pair.prediction.name for pair in pairing.pairs if pair.prediction] == ["a.npz", "b.nii.gz"]
    assert pairing.remarks == ("1 of 2 predictions have no .npz: b",)


def test_the_npz_is_taken_in_folders_and_bids_too(tree: Tree) -> None:
    kits = pair_folders(
        tree("p", "case_00000/segmentation.nii.gz", "case_00000/segmentation.npz"),
        tree("r", "case_00000/segmentation.nii.gz", "case_00000/imaging.nii.gz"),
        probabilities=True,
    )
    assert [pair.prediction for pair in kits.pairs] == [kits_path(tree, "p/case_00000/segmentation.npz")]
    bids = pair_folders(
        tree("bp", "sub-01/sub-01_desc-x_dseg.nii.gz", "sub-01/sub-01_desc-x_dseg.npz"),
        tree("br", "sub-01_dseg.nii.gz"),
        probabilities=True,
    )
    assert [pair.prediction.name for pair in bids.pairs if pair.prediction] == ["sub-01_desc-x_dseg.npz"]


def kits_path(tree: Tree, relative: str) -> Path:
    return tree(".") / relative


@pytest.mark.parametrize("folder", ["labelsTr", "labelsTs", "gt_segmentations"])
def test_the_dataset_json_above_a_folder_of_labels_is_the_label_file(tree: Tree, folder: str) -> None:
    dataset = tree("Dataset1", "dataset.json", f"{folder}/a.nii.gz")
    pairing = pair_folders(tree("p", "a.nii.gz", "dataset.json"), dataset / folder)
    assert pairing.label_file == dataset / "dataset.json"


def test_the_dataset_json_beside_references_goes_before_that_of_predictions(tree: Tree) -> None:
    predictions = tree("p", "a.nii.gz", "dataset.json")
    assert pair_folders(predictions, tree("r", "a.nii.gz")).label_file == predictions / "dataset.json"
    references = tree("r", "dataset.json")
    assert pair_folders(predictions, references).label_file == references / "dataset.json"
    assert pair_folders(tree("q", "a.nii.gz"), tree("other/above", "a.nii.gz")).label_file is None


def test_the_dataset_json_is_found_from_inside_the_folder(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = tree("Dataset1", "dataset.json", "labelsTr/a.nii.gz")
    predictions = tree("p", "a.nii.gz")
    monkeypatch.chdir(dataset / "labelsTr")
    assert pair_folders(predictions, Path()).label_file == dataset / "dataset.json"


@pytest.mark.parametrize("images_are", ["predictions", "references"])
@pytest.mark.parametrize("beside", [(), ("dataset.json",)])
def test_0000_is_never_stripped_and_the_sentence_says_so(tree: Tree, images_are: str, beside: tuple[str, ...]) -> None:
    images = tree("images", "la_003_0000.nii.gz", "la_003_0001.nii.gz", *beside)
    labels = tree("labels", "la_003.nii.gz")
    pairing = pair_folders(images, labels) if images_are == "predictions" else pair_folders(labels, images)
    (sentence,) = pairing.ambiguous
    assert sentence.startswith("la_003: the ")
    assert f"the {images_are} la_003_0000.nii.gz, la_003_0001.nii.gz" in sentence
    assert "_0000 ends the name of an image's channel in nnU-Net" in sentence
    assert not (pairing.pairs or pairing.missing or pairing.extra)
    with pytest.raises(PairingError, match="1 name is ambiguous: la_003: "):
        pairing.require_complete(allow_missing=True)


def test_names_that_end_in_0000_on_both_sides_are_names(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "a_0000.nii.gz", "a_0001.nii.gz"), tree("r", "a_0000.nii.gz", "a_0001.nii.gz"))
    assert [pair.case for pair in pairing.pairs] == ["a_0000", "a_0001"]


def test_an_image_beside_the_prediction_is_only_an_extra_file(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "a.nii.gz", "a_0000.nii.gz"), tree("r", "a.nii.gz"))
    assert [pair.case for pair in pairing.pairs] == ["a"]
    assert [case for case, _ in pairing.extra] == ["a_0000"]


# Equal names


def test_amos_pairs_by_equal_names(tree: Tree) -> None:
    names = ("amos_0001.nii.gz", "amos_0004.nii.gz", "amos_0507.nii.gz")
    pairing = pair_folders(tree("p", *names), tree("labelsVa", *names))
    assert pairing.layout == "name"
    assert [pair.case for pair in pairing.pairs] == ["amos_0001", "amos_0004", "amos_0507"]
    assert nothing_left(pairing)


def test_the_medical_decathlon_pairs_in_spite_of_the_files_that_macos_left(tree: Tree) -> None:
    names = ("spleen_10.nii.gz", "spleen_2.nii.gz")
    task = tree(
        "Task09_Spleen",
        "dataset.json",
        "._dataset.json",
        ".DS_Store",
        *(f"labelsTr/{name}" for name in names),
        *(f"labelsTr/._{name}" for name in names),
        *(f"imagesTr/{name}" for name in names),
    )
    pairing = pair_folders(tree("p", *names, "._spleen_10.nii.gz", ".spleen_2.nii.gz.swp"), task / "labelsTr")
    assert (pairing.layout, pairing.label_file) == ("nnunet", task / "dataset.json")
    assert [pair.case for pair in pairing.pairs] == ["spleen_10", "spleen_2"]
    assert nothing_left(pairing)


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha", ".NII.GZ", ".mgz"])
def test_the_same_stem_pairs_whatever_the_ending(tree: Tree, ending: str) -> None:
    pairing = pair_folders(tree("p", f"a.b{ending}"), tree("r", "a.b.nii.gz"))
    assert [pair.case for pair in pairing.pairs] == ["a.b"]


def test_the_two_files_of_an_analyze_pair_are_one(tree: Tree) -> None:
    pairing = pair_folders(
        tree("p", "a.img", "a.hdr", "b+orig.HEAD", "b+orig.BRIK", "c.img"), tree("r", "a.nii", "b+orig.nii", "c.nii")
    )
    assert nothing_left(pairing)
    assert [pair.prediction.name for pair in pairing.pairs if pair.prediction] == ["a.hdr", "b+orig.HEAD", "c.img"]


def test_files_of_unknown_endings_are_no_cases(tree: Tree) -> None:
    files = ("a.nii.gz", "a.txt", "README.md", "results.csv", "a.json", "b.dcm")
    pairing = pair_folders(tree("p", *files), tree("r", *files))
    assert [pair.case for pair in pairing.pairs] == ["a"]
    assert nothing_left(pairing)


def test_a_folder_pairs_with_itself(tree: Tree) -> None:
    folder = tree("p", "a.nii.gz", "b.nii.gz")
    assert [(pair.prediction, pair.reference) for pair in pair_folders(folder, folder).pairs] == [
        (folder / name, folder / name) for name in ("a.nii.gz", "b.nii.gz")
    ]


def test_folders_that_a_flat_layout_does_not_look_into_are_remarked(tree: Tree) -> None:
    references = tree("r", "a.nii.gz", "old/a.nii.gz", "older/a.nii.gz")
    pairing = pair_folders(tree("p", "a.nii.gz"), references)
    assert pairing.remarks == (
        f"{references}: 2 folders in it not looked into by layout name; --pairing names another",
    )


# BIDS


def test_bids_derivatives_pair_by_entities_without_desc_and_space(tree: Tree) -> None:
    predictions = tree(
        "derivatives/model",
        "dataset_description.json",
        "sub-01/ses-01/anat/sub-01_ses-01_space-MNI152NLin2009cAsym_desc-pred_dseg.nii.gz",
        "sub-01/ses-02/anat/sub-01_ses-02_desc-pred_dseg.nii.gz",
        "sub-01/ses-02/anat/sub-01_ses-02_desc-pred_dseg.json",
        "sub-02/anat/sub-02_label-L_desc-pred_mask.nii.gz",
        "sub-02/anat/sub-02_label-R_desc-pred_mask.nii.gz",
        "sub-03/anat/sub-03_run-1_res-2_probseg.nii.gz",
    )
    references = tree(
        "derivatives/manual",
        "participants.tsv",
        "sub-01_ses-01_dseg.nii.gz",
        "sub-01_ses-02_dseg.nii.gz",
        "sub-02/sub-02_label-L_mask.nii",
        "sub-02/sub-02_label-R_mask.nii",
        "sub-02/sub-02_T1w.nii.gz",
        "sub-03/sub-03_den-32k_run-1_dseg.nii.gz",
    )
    pairing = pair_folders(predictions, references)
    assert pairing.layout == "bids"
    assert nothing_left(pairing)
    assert {case: files[1] for case, files in shown(pairing, predictions, references).items()} == {
        "sub-01_ses-01": "sub-01_ses-01_dseg.nii.gz",
        "sub-01_ses-02": "sub-01_ses-02_dseg.nii.gz",
        "sub-02_label-L": "sub-02/sub-02_label-L_mask.nii",
        "sub-02_label-R": "sub-02/sub-02_label-R_mask.nii",
        "sub-03_run-1": "sub-03/sub-03_den-32k_run-1_dseg.nii.gz",
    }


def test_the_order_of_bids_entities_does_not_matter(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "ses-1/sub-1_run-2_ses-1_dseg.nii.gz"), tree("r", "sub-1_ses-1_run-2_dseg.nii"))
    assert [pair.case for pair in pairing.pairs] == ["sub-1_ses-1_run-2"]


def test_fmriprep_outputs_pair_by_full_names_where_entities_leave_several(tree: Tree) -> None:
    names = (
        "sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        "sub-01/anat/sub-01_dseg.nii.gz",
        "sub-01/anat/sub-01_desc-aseg_dseg.nii.gz",
        "sub-01/anat/sub-01_label-GM_probseg.nii.gz",
    )
    pairing = pair_folders(tree("p", *names), tree("r", *names, "sub-01/anat/sub-01_desc-aparcaseg_dseg.nii.gz"))
    assert [pair.case for pair in pairing.pairs] == [
        "sub-01_desc-aseg_dseg",
        "sub-01_desc-brain_mask",
        "sub-01_dseg",
        "sub-01_label-GM",
    ]
    assert [pair.case for pair in pairing.missing] == ["sub-01_desc-aparcaseg_dseg"]
    assert not (pairing.duplicates or pairing.extra)


def test_bids_suffixes_tell_a_mask_from_a_segmentation(tree: Tree) -> None:
    predictions = tree("p", "x/sub-01_desc-a_dseg.nii.gz", "x/sub-01_desc-a_mask.nii.gz")
    references = tree("r", "sub-01_mask.nii.gz", "sub-01_dseg.nii.gz")
    assert shown(pair_folders(predictions, references), predictions, references) == {
        "sub-01_dseg": ("x/sub-01_desc-a_dseg.nii.gz", "sub-01_dseg.nii.gz"),
        "sub-01_mask": ("x/sub-01_desc-a_mask.nii.gz", "sub-01_mask.nii.gz"),
    }


def test_a_bids_probseg_is_taken_for_probabilities_and_else_the_dseg(tree: Tree) -> None:
    predictions = tree("p", "x/sub-01_desc-a_dseg.nii.gz", "x/sub-01_desc-a_probseg.nii.gz")
    references = tree("r", "sub-01_dseg.nii.gz")
    for probabilities, suffix in ((False, "dseg"), (True, "probseg")):
        (pair,) = pair_folders(predictions, references, probabilities=probabilities).pairs
        assert pair.prediction == predictions / f"x/sub-01_desc-a_{suffix}.nii.gz"


def test_two_bids_predictions_for_one_reference_are_duplicates(tree: Tree) -> None:
    pairing = pair_folders(
        tree("p", "sub-01_desc-a_dseg.nii.gz", "sub-01_desc-b_dseg.nii.gz", "x/sub-02_dseg.nii.gz"),
        tree("r", "sub-01_dseg.nii.gz", "sub-02_dseg.nii.gz"),
    )
    assert pairing.duplicates == (
        "sub-01: the predictions hold sub-01_desc-a_dseg.nii.gz and sub-01_desc-b_dseg.nii.gz; keep one of them",
    )


@pytest.mark.parametrize("name", ["sub-01_left_dseg", "sub-01_sub-02_dseg", "sub-_ses-1_dseg"])
def test_a_name_that_is_almost_bids_is_ambiguous(tree: Tree, name: str) -> None:
    pairing = pair_folders(
        tree("p", "x/sub-03_dseg.nii.gz"), tree("r", "sub-03_dseg.nii.gz", f"{name}.nii.gz"), layout="bids"
    )
    (sentence,) = pairing.ambiguous
    assert sentence.startswith(f"{name}.nii.gz: its name is not made of BIDS entities")


# A folder per case


@pytest.mark.parametrize("more", [(), ("imaging.nii.gz",), ("imaging.nii.gz", "instances/kidney_instance-1.nii.gz")])
def test_kits_pairs_by_folders_whatever_lies_beside_the_segmentation(tree: Tree, more: tuple[str, ...]) -> None:
    cases = ("case_00000", "case_00001", "case_00588")
    references = tree("r", "kits.json", *(f"{case}/{f}" for case in cases for f in ("segmentation.nii.gz", *more)))
    predictions = tree("p", *(f"{case}/prediction.nii.gz" for case in cases))
    pairing = pair_folders(predictions, references)
    assert pairing.layout == "folders"
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {
        case: (f"{case}/prediction.nii.gz", f"{case}/segmentation.nii.gz") for case in cases
    }


def test_flat_predictions_pair_with_kits_folders(tree: Tree) -> None:
    predictions = tree("p", "case_00000.nii.gz", "case_00001.nii.gz")
    references = tree("r", "case_00000/segmentation.nii.gz", "case_00001/segmentation.nii.gz")
    assert nothing_left(pair_folders(predictions, references))
    assert len(pair_folders(predictions, references).pairs) == 2


def test_any_single_volume_of_a_case_folder_counts(tree: Tree) -> None:
    predictions = tree("p", "a/output.mha", "b/output.mha")
    references = tree("r", "a/ct.nii.gz", "a/a_manual.nii.gz", "b/ct.nii.gz", "b/b_manual.nii.gz")
    assert shown(pair_folders(predictions, references), predictions, references) == {
        "a": ("a/output.mha", "a/a_manual.nii.gz"),
        "b": ("b/output.mha", "b/b_manual.nii.gz"),
    }


def test_prediction_and_reference_in_one_case_folder_go_to_their_sides(tree: Tree) -> None:
    folder = tree("data", *(f"p{n}/{name}.nii.gz" for n in (1, 2) for name in ("image", "label", "pred")))
    pairing = pair_folders(folder, folder, layout="folders")
    assert shown(pairing, folder, folder) == {f"p{n}": (f"p{n}/pred.nii.gz", f"p{n}/label.nii.gz") for n in (1, 2)}


def test_two_segmentations_in_a_case_folder_are_duplicates(tree: Tree) -> None:
    pairing = pair_folders(
        tree("p", "a/pred.nii.gz", "b/pred.nii.gz"), tree("r", "a/seg.nii.gz", "a/label.nii.gz", "b/seg.nii.gz")
    )
    assert pairing.duplicates == ("a: the references hold a/label.nii.gz and a/seg.nii.gz; keep one of them",)


def test_a_folder_and_a_file_of_one_case_are_duplicates(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "a/pred.nii.gz", "a.nii.gz"), tree("r", "a/seg.nii.gz"))
    assert pairing.duplicates == ("a: the predictions hold a.nii.gz and a/pred.nii.gz; keep one of them",)


CLASSES = ("spleen", "kidney_right", "liver", "aorta", "vertebrae_L5")


def test_totalsegmentator_cases_are_folders_of_masks(tree: Tree) -> None:
    cases = ("s0011", "s0058", "s1429")
    references = tree(
        "Totalsegmentator_dataset_v201",
        "meta.csv",
        *(f"{case}/ct.nii.gz" for case in cases),
        *(f"{case}/segmentations/{name}.nii.gz" for case in cases for name in CLASSES),
    )
    predictions = tree(
        "p",
        *(f"{case}/{name}.nii.gz" for case in cases for name in CLASSES),
        *(f"{case}/statistics.json" for case in cases),
    )
    pairing = pair_folders(predictions, references)
    assert pairing.layout == "folders"
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {case: (case, f"{case}/segmentations") for case in cases}


def test_one_mask_is_a_folder_of_masks_where_the_other_side_says_so(tree: Tree) -> None:
    references = tree("r", *(f"s1/segmentations/{name}.nii.gz" for name in CLASSES))
    predictions = tree("p", "s1/liver.nii.gz")
    assert shown(pair_folders(predictions, references), predictions, references) == {"s1": ("s1", "s1/segmentations")}


def test_an_image_among_masks_is_ambiguous(tree: Tree) -> None:
    files = ("s1/liver.nii.gz", "s1/spleen.nii.gz", "s2/liver.nii.gz", "s2/spleen.nii.gz")
    references = tree("r", *files, "s1/ct.nii.gz")
    pairing = pair_folders(tree("p", *files), references)
    (sentence,) = pairing.ambiguous
    assert sentence.startswith(f"{references / 's1'}: holds s1/ct.nii.gz beside liver, spleen; put the masks ")
    assert [pair.case for pair in pairing.pairs] == ["s2"]


def test_folders_of_cases_are_not_taken_for_folders_of_masks(tree: Tree) -> None:
    files = ("siteA/case1.nii.gz", "siteA/case2.nii.gz", "siteB/case3.nii.gz", "siteB/case4.nii.gz")
    pairing = pair_folders(tree("p", *files), tree("r", *files))
    assert not pairing.pairs
    assert all("siteA, siteB: these folders of" in sentence for sentence in pairing.ambiguous)
    with pytest.raises(PairingError, match="neither cases of one volume nor of one mask per class"):
        pairing.require_complete(allow_missing=True)
    by_pattern = pair_folders(tree("p"), tree("r"), case_pattern=r"(?P<case>site./case\d+)")
    assert [pair.case for pair in by_pattern.pairs] == [file.removesuffix(".nii.gz") for file in files]


# BraTS


@pytest.mark.parametrize(
    ("case", "tail", "modalities"),
    [
        ("BraTS-GLI-00005-000", "-seg", ("-t1c", "-t1n", "-t2f", "-t2w")),
        ("BraTS-MEN-RT-0001-1", "_gtv", ("_t1c",)),
        ("BraTS2021_00005", "_seg", ("_flair", "_t1", "_t1ce", "_t2")),
        ("BraTS20_Training_001", "_seg", ("_flair", "_t1", "_t1ce", "_t2")),
    ],
)
@pytest.mark.parametrize("in_folders", [False, True])
def test_brats_predictions_lack_the_seg_of_references(
    tree: Tree, case: str, tail: str, modalities: tuple[str, ...], in_folders: bool
) -> None:
    inside = f"{case}/" if in_folders else ""
    references = tree("r", *(f"{inside}{case}{part}.nii.gz" for part in (tail, *modalities)))
    predictions = tree("p", f"{case}.nii.gz")
    pairing = pair_folders(predictions, references, layout="brats")
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {case: (f"{case}.nii.gz", f"{inside}{case}{tail}.nii.gz")}
    if not in_folders:
        assert pair_folders(predictions, references) == pairing


def test_brats_2023_in_folders_pairs_by_itself(tree: Tree) -> None:
    cases = ("BraTS-GLI-00005-000", "BraTS-GLI-00005-001", "BraTS-GLI-00017-000")
    parts = ("seg", "t1c", "t1n", "t2f", "t2w")
    references = tree("r", *(f"{case}/{case}-{part}.nii.gz" for case in cases for part in parts))
    predictions = tree("p", *(f"{case}.nii.gz" for case in cases))
    pairing = pair_folders(predictions, references)
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {
        case: (f"{case}.nii.gz", f"{case}/{case}-seg.nii.gz") for case in cases
    }


# A pattern


def test_a_pattern_pairs_by_the_part_of_the_path_that_it_names(tree: Tree) -> None:
    predictions = tree("p", "fold_0/prediction_00012.nii.gz", "fold_1/prediction_00345.nii.gz", "mean.nii.gz")
    references = tree("r", "case_00012/segmentation.nii.gz", "case_00345/segmentation.nii.gz")
    pairing = pair_folders(predictions, references, case_pattern=r"(?P<case>\d{5})")
    assert (pairing.layout, [pair.case for pair in pairing.pairs]) == ("pattern", ["00012", "00345"])
    assert pairing.remarks == (f"{predictions}: --case-pattern matches 1 file not; ignored",)
    assert nothing_left(pairing)


def test_a_pattern_that_takes_files_for_one_case_makes_duplicates(tree: Tree) -> None:
    pairing = pair_folders(
        tree("p", *(f"{n}_0001{x}.nii.gz" for n, x in enumerate("abcdefg"))),
        tree("r", "0001.nii.gz", "x0001.nii.gz"),
        case_pattern=r"(?P<case>\d{4})",
    )
    assert pairing.duplicates == (
        "0001: the predictions hold 0_0001a.nii.gz, 1_0001b.nii.gz, 2_0001c.nii.gz, 3_0001d.nii.gz, 4_0001e.nii.gz "
        "and 2 more, the references hold 0001.nii.gz and x0001.nii.gz; keep one of each",
    )


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(?P<case>", "is no regular expression"), (r"\d+", "has no group named case"), ("", "has no group named case")],
)
def test_a_pattern_that_cannot_name_a_case_is_a_usage_error(tree: Tree, pattern: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pair_folders(tree("p", "a.nii.gz"), tree("r", "a.nii.gz"), case_pattern=pattern)


def test_a_pattern_that_names_nothing_in_common_says_what_is_there(tree: Tree) -> None:
    with pytest.raises(PairingError, match=re.escape("by --case-pattern '(?P<case>x)'")):
        pair_folders(tree("p", "a.nii.gz"), tree("r", "a.nii.gz"), case_pattern="(?P<case>x)")


# A choice of layouts


def test_the_layout_that_leaves_fewest_references_alone_wins(tree: Tree) -> None:
    predictions = tree("p", "sub-01_dseg.nii.gz", "x/sub-02_desc-a_dseg.nii.gz", "sub-03_desc-a_dseg.nii.gz")
    references = tree("r", *(f"sub-0{n}_dseg.nii.gz" for n in (1, 2, 3)))
    assert pair_folders(predictions, references).layout == "bids"
    named = pair_folders(predictions, references, layout="name")
    assert ([pair.case for pair in named.pairs], len(named.missing)) == (["sub-01_dseg"], 2)


def test_the_earlier_layout_wins_a_tie(tree: Tree) -> None:
    names = ("BraTS2021_00005_seg.nii.gz", "sub-01_dseg.nii.gz")
    assert pair_folders(tree("p", *names), tree("r", *names)).layout == "name"
    assert pair_folders(tree("p", *names), tree("r", *names, "dataset.json")).layout == "nnunet"


def test_every_layout_can_be_named_and_has_words(tree: Tree) -> None:
    assert LAYOUTS == ("nnunet", "name", "bids", "folders", "brats")
    predictions, references = tree("p", "a.nii.gz"), tree("r", "a.nii.gz")
    for layout in ("nnunet", "name", "folders"):
        assert pair_folders(predictions, references, layout=layout).layout == layout


@pytest.mark.parametrize("layout", ["bids", "brats"])
def test_a_named_layout_that_pairs_nothing_says_how_it_names_cases(tree: Tree, layout: str) -> None:
    with pytest.raises(PairingError) as refused:
        pair_folders(tree("p", "a.nii.gz"), tree("r", "a.nii.gz"), layout=layout)
    words = {"bids": "sub-01", "brats": "BraTS"}[layout]
    assert re.search(rf"by layout {layout} \([^)]*{words}", str(refused.value))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "kits"}, "there is no such layout; choose from nnunet, name, bids, folders, brats"),
        ({"layout": "pattern"}, "there is no such layout"),
        ({"layout": "name", "case_pattern": "(?P<case>.)"}, "give one of them"),
    ],
)
def test_layouts_that_are_none_are_usage_errors(tree: Tree, options: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pair_folders(tree("p", "a.nii.gz"), tree("r", "a.nii.gz"), **options)  # type: ignore[arg-type]


# What has no partner


@pytest.fixture
def incomplete(tree: Tree) -> Pairing:
    return pair_folders(
        tree("p", "a.nii.gz", "b.nii.gz", "b.nrrd", "x.nii.gz"),
        tree("r", "a.nii.gz", "b.nii.gz", "c.nii.gz", "d.nii.gz"),
    )


def test_missing_extra_and_duplicate_files_are_told_apart(incomplete: Pairing, tmp_path: Path) -> None:
    assert incomplete.pairs == (CasePair("a", tmp_path / "p/a.nii.gz", tmp_path / "r/a.nii.gz"),)
    assert incomplete.missing == tuple(CasePair(c, None, tmp_path / f"r/{c}.nii.gz") for c in "cd")
    assert incomplete.extra == (("x", tmp_path / "p/x.nii.gz"),)
    assert incomplete.duplicates == ("b: the predictions hold b.nii.gz and b.nrrd; keep one of them",)
    assert incomplete.remarks == ("1 prediction has no reference, and no score: x",)


def test_what_has_no_partner_is_refused_with_the_ways_out(incomplete: Pairing) -> None:
    with pytest.raises(PairingError) as refused:
        incomplete.require_complete(allow_missing=False)
    assert str(refused.value) == (
        "2 references have no prediction: c, d; --missing skip leaves them out, --missing worst scores an empty "
        "prediction instead. 1 case has several files: b: the predictions hold b.nii.gz and b.nrrd; keep one of them. "
        "Paired by layout name; --pairing or --case-pattern names the cases otherwise, --manifest the pairs "
        "themselves; --dry-run shows everything"
    )
    assert refused.value.exit_code == 3


def test_missing_predictions_may_be_allowed_and_duplicates_may_not(incomplete: Pairing, tree: Tree) -> None:
    with pytest.raises(PairingError) as refused:
        incomplete.require_complete(allow_missing=True)
    assert str(refused.value).startswith("1 case has several files: b: ")
    only_missing = pair_folders(tree("q", "a.nii.gz"), tree("s", "a.nii.gz", "c.nii.gz"))
    only_missing.require_complete(allow_missing=True)
    with pytest.raises(PairingError, match=r"^1 reference has no prediction: c; --missing skip leaves it out"):
        only_missing.require_complete(allow_missing=False)


def test_the_first_ten_of_many_are_named(tree: Tree) -> None:
    references = tree("r", "a.nii.gz", *(f"m{n:02}.nii.gz" for n in range(14)))
    pairing = pair_folders(tree("p", "a.nii.gz", *(f"e{n:02}.nii.gz" for n in range(11))), references)
    with pytest.raises(PairingError, match=r"14 references have no prediction: m00, .*, m09 and 4 more;"):
        pairing.require_complete(allow_missing=False)
    assert pairing.remarks[0].endswith("e08, e09 and 1 more")
    tree("r", *(f"m{n:02}.nrrd" for n in range(14)))
    with pytest.raises(PairingError, match=r"14 cases have several files: m00: .* [|] and 4 more[.]"):
        pair_folders(tree("p"), references).require_complete(allow_missing=True)


def test_a_complete_pairing_is_let_through(tree: Tree) -> None:
    pair_folders(tree("p", "a.nii.gz", "x.nii.gz"), tree("r", "a.nii.gz")).require_complete(allow_missing=False)


def test_two_extra_predictions_of_one_case_are_extra(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "a.nii.gz", "x.nii.gz", "x.nrrd"), tree("r", "a.nii.gz"))
    assert [path.name for _, path in pairing.extra] == ["x.nii.gz", "x.nrrd"]
    assert not pairing.duplicates


def test_the_description_lists_all_with_counts(incomplete: Pairing, tmp_path: Path) -> None:
    assert incomplete.describe().replace(str(tmp_path), "") == (
        "layout      name\n"
        "pairs                                  1\n"
        "references without a prediction        2\n"
        "predictions without a reference        1\n"
        "duplicates                             1\n"
        "ambiguous names                        0\n"
        "\n"
        "Pairs\n"
        "  a\n"
        "    prediction  /p/a.nii.gz\n"
        "    reference   /r/a.nii.gz\n"
        "\n"
        "References without a prediction\n"
        "  c\n"
        "    reference   /r/c.nii.gz\n"
        "  d\n"
        "    reference   /r/d.nii.gz\n"
        "\n"
        "Predictions without a reference\n"
        "  x\n"
        "    prediction  /p/x.nii.gz\n"
        "\n"
        "Duplicates\n"
        "  b: the predictions hold b.nii.gz and b.nrrd; keep one of them\n"
    )


def test_the_description_names_the_label_file_and_hides_no_control_characters(tree: Tree) -> None:
    pairing = pair_folders(tree("p", "a\x1b[31m\n.nii.gz"), tree("r", "a\x1b[31m\n.nii.gz", "dataset.json"))
    text = pairing.describe()
    assert f"labels      {pairing.label_file}\n" in text
    assert "  a\\x1b[31m\\n\n" in text
    assert "\x1b" not in text


# Folders that are none


def test_a_folder_that_is_not_there_is_refused(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="nowhere: there is no such folder; check the path"):
        pair_folders(tmp_path / "nowhere", tree("r", "a.nii.gz"))
    with pytest.raises(UnreadableFile, match="nowhere: there is no such folder; check the path"):
        pair_folders(tree("r", "a.nii.gz"), tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_sent_to_score(tree: Tree) -> None:
    folder = tree("r", "a.nii.gz")
    with pytest.raises(UnreadableFile, match="is a file, not a folder; `segeval score` compares two files"):
        pair_folders(folder / "a.nii.gz", folder)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "holds no volume: it is empty; segeval reads .nii, "),
        (("._a.nii.gz",), "holds no volume: it is empty; "),
        (("a.dcm", "b.txt"), r"holds no volume: but 2 files \(a.dcm, b.txt\); segeval reads"),
        (("x/a.dcm", "y/a.dcm", "z.json"), r"holds no volume: but 1 file and 2 folders \(z.json\); "),
    ],
)
@pytest.mark.parametrize("empty_is", ["predictions", "references", "both"])
def test_a_folder_without_volumes_says_what_it_holds_and_what_is_read(
    tree: Tree, files: tuple[str, ...], words: str, empty_is: str
) -> None:
    empty, full = tree("empty", *files), tree("full", "a.nii.gz")
    sides = {"predictions": (empty, full), "references": (full, empty), "both": (empty, empty)}
    with pytest.raises(UnreadableFile, match=words):
        pair_folders(*sides[empty_is])


def test_names_that_have_nothing_in_common_are_shown(tree: Tree) -> None:
    predictions = tree("p", *(f"pred_{n}.nii.gz" for n in range(5)))
    references = tree("r", "case_1.nii.gz")
    with pytest.raises(PairingError) as refused:
        pair_folders(predictions, references)
    assert str(refused.value) == (
        f"no prediction belongs to a reference: {predictions} holds 5 files (pred_0.nii.gz, pred_1.nii.gz, "
        f"pred_2.nii.gz and 2 more), {references} 1 file (case_1.nii.gz); name the cases with --case-pattern "
        "'(?P<case>…)', or the pairs with --manifest"
    )


def test_links_that_lead_in_circles_end(tree: Tree) -> None:
    predictions, references = tree("p", "a/pred.nii.gz", "b/pred.nii.gz"), tree("r", "a/seg.nii.gz", "b/seg.nii.gz")
    for link, target in (("p/a/up", ".."), ("p/a/other", "../b"), ("p/b/other", "../a"), ("p/self", "self")):
        (tree(".") / link).symlink_to(target)
    pairing = pair_folders(predictions, references)
    assert shown(pairing, predictions, references) == {c: (f"{c}/pred.nii.gz", f"{c}/seg.nii.gz") for c in "ab"}
    pattern = pair_folders(predictions, references, case_pattern="^(?P<case>[ab])/(pred|seg)")
    assert [pair.case for pair in pattern.pairs] == ["a", "b"]


def test_linked_case_folders_and_files_are_cases(tree: Tree) -> None:
    pool = tree("pool", "one/seg.nii.gz", "two.nii.gz")
    predictions, references = tree("p", "a/pred.nii.gz", "b.nii.gz", "c.nii.gz"), tree("r")
    (references / "a").symlink_to(pool / "one")
    (references / "b.nii.gz").symlink_to(pool / "two.nii.gz")
    (references / "c.nii.gz").symlink_to(pool / "not fetched.nii.gz")  # reading it says what is wrong
    pairing = pair_folders(predictions, references, layout="folders")
    assert [pair.case for pair in pairing.pairs] == ["a", "b", "c"]


def test_predictions_inside_the_folder_of_references_are_no_references(tree: Tree) -> None:
    references = tree("r", "a/seg.nii.gz", "b/seg.nii.gz", "predictions/a/pred.nii.gz", "predictions/b/pred.nii.gz")
    pairing = pair_folders(references / "predictions", references)
    assert [pair.case for pair in pairing.pairs] == ["a", "b"]
    assert nothing_left(pairing)


def test_a_folder_that_cannot_be_listed_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, references = tree("p", "a/pred.nii.gz"), tree("r", "a/seg.nii.gz")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path) == predictions / "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UnreadableFile, match=r"p/a: cannot be listed \(Permission denied\)"):
        pair_folders(predictions, references)


# A manifest


def manifest(folder: Path, content: str | bytes, name: str = "pairs.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_manifests_paths_are_relative_to_it(tmp_path: Path) -> None:
    path = manifest(tmp_path, "case,prediction,reference\nb,p/b.nii.gz,/data/b.nii.gz\na,../a.npz,r/a.nrrd\n")
    pairing = read_manifest(path)
    assert pairing.layout == "manifest"
    assert pairing.pairs == (
        CasePair("a", tmp_path / "../a.npz", tmp_path / "r/a.nrrd"),
        CasePair("b", tmp_path / "p/b.nii.gz", Path("/data/b.nii.gz")),
    )
    pairing.require_complete(allow_missing=False)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffcase,prediction,reference\r\na,p.nii,r.nii\r\n",
        "site, Reference,Prediction,case \nx, r.nii , p.nii,a\n\n",
        'case;prediction;reference\n"a";"p.nii";"r.nii"\n',
        "case\tprediction\treference\na\tp.nii\tr.nii",
        "case,prediction,reference,note\na,p.nii,r.nii\n,,,\n",
    ],
)
def test_manifests_are_read_as_spreadsheets_write_them(tmp_path: Path, content: str) -> None:
    assert read_manifest(manifest(tmp_path, content)).pairs == (
        CasePair("a", tmp_path / "p.nii", tmp_path / "r.nii"),
    )  # fmt: skip


def test_a_cell_of_a_manifest_may_hold_commas_and_odd_characters(tmp_path: Path) -> None:
    pairing = read_manifest(manifest(tmp_path, 'case,prediction,reference\na\u2028b,"p,1.nii",r\x0b.nii\n'))
    assert pairing.pairs == (CasePair("a\u2028b", tmp_path / "p,1.nii", tmp_path / "r\x0b.nii"),)


def test_a_manifest_may_lack_a_prediction_and_no_reference(tmp_path: Path) -> None:
    pairing = read_manifest(manifest(tmp_path, "case,prediction,reference\na,,r.nii\nb,p.nii,\n"))
    assert pairing.missing == (CasePair("a", None, tmp_path / "r.nii"),)
    assert pairing.extra == ()
    assert pairing.ambiguous == ("line 3 of pairs.csv: the cell of reference is empty; fill it in or remove the line",)
    with pytest.raises(PairingError, match=r"1 reference has no prediction: a; .*Correct the manifest; --dry-run"):
        pairing.require_complete(allow_missing=False)


def test_a_manifests_doubtful_lines_are_named_by_number(tmp_path: Path) -> None:
    text = "case,prediction,reference\na,p,r\nb,p2,r2\na,p3,r3\n,p,r\nc,,\nd,x,y,z\na,p4,r4\n"
    pairing = read_manifest(manifest(tmp_path, text))
    assert [pair.case for pair in pairing.pairs] == ["b"]
    assert pairing.duplicates == ("a: stands in lines 2, 4 and 8 of pairs.csv; give each line a case of its own",)
    assert pairing.ambiguous == (
        "line 5 of pairs.csv: the cell of case is empty; fill it in or remove the line",
        "line 6 of pairs.csv: the cell of reference is empty; fill it in or remove the line",
        "line 7 of pairs.csv: has 4 cells, the first line 3; put a path that holds a comma into quotes",
    )


def test_a_line_that_is_not_whole_is_an_error_whatever_may_be_missing(tmp_path: Path) -> None:
    text = "notes,case,prediction,reference\nx,a,p.nii.gz\ny,b,p,r\nz,c\n"
    pairing = read_manifest(manifest(tmp_path, text))
    assert [pair.case for pair in pairing.pairs] == ["b"]
    words = (
        r"2 lines are not whole: line 2 of pairs\.csv: has 3 cells, the first line 4, so that reference is not there; "
        r"write every cell, an empty one too \| line 4 of pairs\.csv: has 2 cells, the first line 4, so that "
        r"prediction and reference are not there"
    )
    with pytest.raises(PairingError, match=words):
        pairing.require_complete(allow_missing=True)
    assert "lines that are not whole" in pairing.describe()


def test_a_line_may_lack_what_nobody_reads(tmp_path: Path) -> None:
    pairing = read_manifest(manifest(tmp_path, "case,prediction,reference,notes\na,p.nii,r.nii\n"))
    assert pairing.pairs == (CasePair("a", tmp_path / "p.nii", tmp_path / "r.nii"),)


def test_a_prediction_that_stands_for_two_cases_is_remarked(tmp_path: Path) -> None:
    pairing = read_manifest(manifest(tmp_path, "case,prediction,reference\na,p.nii,r.nii\nb,p.nii,s.nii\n"))
    assert pairing.remarks == (f"{tmp_path / 'p.nii'}: is the prediction of 2 cases: a, b",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"case,prediction\na,b\n", "lacks the column reference; its first line is case,prediction,reference"),
        (b"name,pred,reference\n", "lacks the columns case and prediction"),
        (b"case,case,prediction,reference\n", "has the column case twice"),
        (b"case,prediction,reference\n\xff,a,b\n", r"is no UTF-8 text \(byte 26\)"),
        (b'case,prediction,reference\n"a,b,c\n', "line 2 is no CSV"),
        (b'case,prediction,reference\n"a"x,b,c\n', "line 2 is no CSV"),
        (b"", "is empty"),
        (b"\n", "lacks the columns"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_manifest(manifest(tmp_path, content))


def test_a_manifest_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match=r"lists no case; write one line per case"):
        read_manifest(manifest(tmp_path, "case,prediction,reference\n"))


def test_a_manifest_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="there is no such file"):
        read_manifest(tmp_path / "pairs.csv")
    with pytest.raises(UnreadableFile, match="is a directory"):
        read_manifest(tmp_path)


def test_a_manifest_of_more_than_64_mib_is_refused(tmp_path: Path) -> None:
    path = manifest(tmp_path, "case,prediction,reference\n")
    os.truncate(path, 64 * 2**20 + 1)
    with pytest.raises(UnreadableFile, match="is larger than 64 MiB"):
        read_manifest(path)


# Laws


def test_twenty_thousand_files_pair(tree: Tree) -> None:
    names = [f"case_{n:05}" for n in range(10_000)]
    flat = [f"{name}.nii.gz" for name in names]
    predictions, references = tree("p", *flat), tree("r", *flat)
    brats = tree("b", *(f"BraTS2021_{n:05}_seg.nii.gz" for n in range(10_000)))
    bare = tree("c", *(f"BraTS2021_{n:05}.nii.gz" for n in range(10_000)))
    for ours, theirs in ((predictions, references), (bare, brats)):
        pairing = pair_folders(ours, theirs)
        assert len(pairing.pairs) == 10_000
        assert pairing.describe().count("\n") > 30_000


STEMS = st.sampled_from(
    [
        "a",
        "b",
        "a_0000",
        "a_0001",
        "sub-1_dseg",
        "sub-1_desc-x_dseg",
        "sub-1_desc-y_mask",
        "sub-1_mask",
        "sub-1_x_dseg",
        "BraTS2021_1",
        "BraTS2021_1_seg",
        "BraTS2021_1_t1",
        "seg",
        "pred",
        "ct",
        "liver",
        "spleen",
        ".a",
        "._b",
    ]
)
FOLDERS = st.sampled_from(
    ["", "", "a/", "b/", "a/segmentations/", "s1/segmentations/", "s1/", "BraTS2021_1/", "x/y/z/"]
)
SUFFIXES = st.sampled_from([".nii.gz", ".nii", ".nrrd", ".npz", ".txt", ".hdr", ".img"])
FILES = st.sets(st.builds(lambda folder, stem, ending: folder + stem + ending, FOLDERS, STEMS, SUFFIXES), max_size=12)


@given(ours=FILES, theirs=FILES, layout=st.sampled_from([None, *LAYOUTS, "pattern"]), probabilities=st.booleans())
def test_no_file_is_paired_twice_and_no_reference_is_in_two_places(
    ours: set[str], theirs: set[str], layout: str | None, probabilities: bool
) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        predictions, references = write_tree(root / "p", ours), write_tree(root / "r", theirs)
        try:
            pattern = r"(?P<case>[^/.]+)\." if layout == "pattern" else None
            named = None if pattern else layout
            pairing = pair_folders(
                predictions, references, layout=named, case_pattern=pattern, probabilities=probabilities
            )
        except SegevalError:
            return
        assert_each_file_is_in_one_place(pairing, root)
    finally:
        shutil.rmtree(root)


def assert_each_file_is_in_one_place(pairing: Pairing, root: Path) -> None:
    used = [path for pair in pairing.pairs for path in (pair.prediction, pair.reference)]
    used += [pair.reference for pair in pairing.missing] + [path for _, path in pairing.extra]
    assert len(used) == len(set(used))
    assert all(path is not None and path.exists() for path in used)
    cases = [pair.case for pair in (*pairing.pairs, *pairing.missing)]
    cases += [sentence.partition(":")[0] for sentence in pairing.duplicates]
    cases += {case for case, _ in pairing.extra}
    assert len(cases) == len(set(cases))
    assert [pair.case for pair in pairing.pairs] == sorted(pair.case for pair in pairing.pairs)
    assert all(pair.prediction is None for pair in pairing.missing)
    sentences = "\n".join(pairing.duplicates + pairing.ambiguous)
    assert not re.search(r"(^|[ /])\._?", sentences.replace(str(root), ""), re.MULTILINE)


@given(ours=st.sets(st.integers(0, 12)), theirs=st.sets(st.integers(0, 12)), twice=st.sets(st.integers(0, 12)))
def test_every_reference_is_paired_missing_or_a_duplicate(ours: set[int], theirs: set[int], twice: set[int]) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        predictions = write_tree(root / "p", [f"c{n}.nii.gz" for n in ours] + [f"c{n}.mha" for n in ours & twice])
        references = write_tree(root / "r", [f"c{n}.nii.gz" for n in theirs])
        if not (ours and theirs and ours & theirs):
            with pytest.raises(SegevalError):
                pair_folders(predictions, references)
            return
        pairing = pair_folders(predictions, references, layout="name")
        assert {pair.case for pair in pairing.pairs} == {f"c{n}" for n in (ours & theirs) - twice}
        assert {pair.case for pair in pairing.missing} == {f"c{n}" for n in theirs - ours}
        assert {s.partition(":")[0] for s in pairing.duplicates} == {f"c{n}" for n in ours & theirs & twice}
        assert {case for case, _ in pairing.extra} == {f"c{n}" for n in ours - theirs}
    finally:
        shutil.rmtree(root)
