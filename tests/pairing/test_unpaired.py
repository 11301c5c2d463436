"""Pairing: what has no partner, folders that are none, manifests, and laws."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import Tree, nothing_left, shown, write_tree

from segeval.errors import PairingError, SegevalError, UnreadableFile, UsageError
from segeval.pairing import LAYOUTS, CasePair, Pairing, pair_folders, read_manifest


def test_every_layout_can_be_named_and_has_words(tree: Tree) -> None:
    assert LAYOUTS == (
        "nnunet", "name", "bids", "dicom", "slicer", "folders", "brats", "cityscapes", "voc", "ade20k", "celltracking"
    )  # fmt: skip
    predictions, references = tree("p", "a.nii.gz"), tree("r", "a.nii.gz")
    for layout in ("nnunet", "name", "folders"):
        assert pair_folders(predictions, references, layout=layout).layout == layout


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("bids", "sub-01"), ("brats", "BraTS"), ("dicom", "StudyInstanceUID"), ("slicer", "seg.nrrd"),
        ("cityscapes", "gtFine_labelIds"), ("voc", "SegmentationClass"), ("ade20k", "ADE_val"),
        ("celltracking", "01_GT"),
    ],
)  # fmt: skip
def test_a_named_layout_that_pairs_nothing_says_how_it_names_cases(tree: Tree, layout: str, words: str) -> None:
    with pytest.raises(PairingError) as refused:
        pair_folders(tree("p", "a.nii.gz"), tree("r", "a.nii.gz"), layout=layout)
    assert re.search(rf"by layout {layout} \([^)]*{words}", str(refused.value))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"layout": "kits"},
            "there is no such layout; choose from nnunet, name, bids, dicom, slicer, folders, brats, ",
        ),
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
        (("a.mat", "b.txt"), r"holds no volume: but 2 files \(a.mat, b.txt\); segeval reads"),
        (("x/a.mat", "y/a.mat", "z.json"), r"holds no volume: but 1 file and 2 folders \(z.json\); "),
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
        "a_000000_000019",
        "a_000000_000019_gtFine_labelIds",
        "ADE_val_00000001",
        "ADE_val_00000001_seg",
        "mask000",
        "man_seg000",
        "man_seg_000_001",
    ]
)


FOLDERS = st.sampled_from(
    [
        "",
        "",
        "a/",
        "b/",
        "a/segmentations/",
        "s1/segmentations/",
        "s1/",
        "BraTS2021_1/",
        "x/y/z/",
        "01_RES/",
        "01_GT/SEG/",
        "SegmentationClass/",
        "comp5_val_cls/",
        "annotations/",
    ]
)


SUFFIXES = st.sampled_from([".nii.gz", ".nii", ".nrrd", ".seg.nrrd", ".png", ".dcm", ".npz", ".txt", ".hdr", ".img"])


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
