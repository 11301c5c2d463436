"""Which cases of a label are shown, and which scan belongs to a case."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_reports import case, failed, report, thirty

from segeval.errors import UnreadableFile, UsageError
from segeval.files.whole_files import free_name
from segeval.pictures.choosing import chosen_labels
from segeval.pictures.images import images_of, window_of


def test_of_each_label_the_three_worst_the_median_and_the_best() -> None:
    """Dice of the liver rises from case to case, that of the spleen falls."""
    found: dict[int, list[int]] = {}
    for place, labels in chosen_labels(thirty()):
        for label in labels:
            found.setdefault(int(label), []).append(place)
    assert {label: sorted(places) for label, places in found.items()} == {
        1: [0, 1, 2, 15, 29],
        2: [0, 14, 27, 28, 29],
    }
    assert chosen_labels(thirty())[0][0] == 0  # Dice 0.5 is the lowest of all


def test_fewer_are_the_worst_and_none_is_none() -> None:
    assert chosen_labels(thirty(), 0) == []
    assert sorted(chosen_labels(thirty(), 1)) == [(0, (1,)), (29, (2,))]
    assert chosen_labels(thirty(), 0, ["case_07"]) == [(7, (1, 2))]
    with pytest.raises(UsageError, match="--case case_77: the report has no such case"):
        chosen_labels(thirty(), 0, ["case_77"])


def test_of_few_cases_each_is_shown_once() -> None:
    three = report([case(f"c{n}", (0.1 * n,), ("liver",)) for n in (3, 1, 2)])
    assert chosen_labels(three) == [(1, (1,)), (2, (1,)), (0, (1,))]


def test_a_case_that_failed_has_no_picture() -> None:
    assert chosen_labels(report([failed("x", "cut"), case("y", (0.5,), (None,))])) == [(1, (1,))]


def test_scans_are_found_by_name_by_channel_and_by_subject(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz", "notes.txt", "sub-01/anat/sub-01_T1w.nii.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("sub-02/anat/sub-02_T1w.nii.gz", "sub-02/anat/sub-02_T2w.nii.gz"):  # two: nobody knows which
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    image = images_of(tmp_path, ["a", "b", "c", "sub-01", "sub-02"])
    found = [image(name) for name in ("a", "b", "c", "sub-01_dseg", "sub-02_dseg", "notes")]
    names = [None if path is None else path.name for path in found]
    assert names == ["a.nii.gz", "b_0000.nii.gz", None, "sub-01_T1w.nii.gz", None, None]
    assert images_of(None, ["a"])("a") is None
    assert images_of(tmp_path / "a.nii.gz", ["x"])("x") == tmp_path / "a.nii.gz"
    with pytest.raises(UnreadableFile, match="there is no such file or folder"):
        images_of(tmp_path / "nowhere", ["a"])


def test_windows() -> None:
    assert window_of(None) is None
    assert window_of("40,400") == (40.0, 400.0)
    for text in ("40", "40,400,3", "x,y", "40,-1", "40,nan"):
        with pytest.raises(UsageError, match="write level and width"):
            window_of(text)


def test_names_of_figures_lead_nowhere_and_differ() -> None:
    taken: set[str] = set()
    texts = ["../../etc/x", "a/b", "a-b", "A-b", "", "…", "ü" * 300]
    found = [free_name(text, taken) for text in texts]
    assert found == ["etc-x", "a-b", "a-b-2", "A-b-3", "figure", "figure-2", "ü" * 120]
