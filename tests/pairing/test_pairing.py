"""Predictions and references find each other in the folders that people really have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from trees import Tree, nothing_left, shown

from segeval.choices import LayoutName
from segeval.errors import PairingError, UsageError
from segeval.pairing import LAYOUTS, pair_folders

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


def test_every_layout_can_be_asked_for() -> None:
    assert get_args(LayoutName) == LAYOUTS


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
    files = ("a.nii.gz", "a.txt", "README.md", "results.csv", "a.json", "b.mat")
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
