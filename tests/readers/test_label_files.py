"""Label files of every known format, as their programs write them, and what is refused in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segeval.errors import LabelError, SegevalError, UnreadableFile
from segeval.readers.label_files import read_label_file
from segeval.targets import LabelChoice, Region

# Written the way each program writes it

NNUNET_V1 = """{
    "name": "Liver",
    "description": "Liver and cancer segmentation",
    "reference": "IRCAD Hôpitaux Universitaires",
    "licence": "CC-BY-SA 4.0",
    "release": "1.0 06/08/2018",
    "tensorImageSize": "3D",
    "modality": {"0": "CT"},
    "labels": {"0": "background", "1": "liver", "2": "cancer"},
    "numTraining": 131,
    "numTest": 70,
    "training": [{"image": "./imagesTr/liver_0.nii.gz", "label": "./labelsTr/liver_0.nii.gz"}],
    "test": ["./imagesTs/liver_141.nii.gz"]
}
"""

NNUNET_V2 = """{
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "spleen": 3, "liver": 1, "ignore": 9},
    "numTraining": 32,
    "file_ending": ".nii.gz",
    "overwrite_image_reader_writer": "SimpleITKIO"
}
"""

NNUNET_REGIONS = """{
    "channel_names": {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"},
    "labels": {
        "background": 0,
        "whole_tumor": [1, 2, 3],
        "tumor_core": [2, 3],
        "enhancing_tumor": 3,
        "ignore": 4
    },
    "regions_class_order": [1, 2, 3],
    "numTraining": 1251,
    "file_ending": ".nii.gz"
}
"""

BIDS = (
    "index\tname\tabbreviation\tcolor\tmapping\n"
    "0\tBackground\tBG\t#000000\t0\n"
    "100\tGray Matter\tGM\t#ff53bb\t1\n"
    "101\tn/a\tn/a\tn/a\tn/a\n"
    "103\tn/a\tn/a\tn/a\tn/a\n"
    '102\t"White Matter"\tWM\t#2f8bbe\t2\n'
)

ITK_SNAP = """################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left lung, upper lobe"
    7     0  255    0      0.5  1  1    "Airway #1"
    8     0    0  255        1  1  1    ""
"""

FREESURFER = """#$Id: FreeSurferColorLUT.txt,v 1.105 2015/07/29 18:17:03 greve Exp $

#No. Label Name:                            R   G   B   A

0   Unknown                                 0   0   0   0
2   Left-Cerebral-White-Matter              245 245 245 0
17  Left-Hippocampus                        220 216 20  0
# sclimbic: the last column is the tissue class
820 Right-HypoThal-noMB         15 165   15 0 2

8116 Left-MV(Re) 0 0 255 0
"""


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_old_nnunet_generation_maps_values_to_names(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", NNUNET_V1))
    assert choice == LabelChoice(values=(1, 2), names={0: "background", 1: "liver", 2: "cancer"}, from_file=True)


def test_the_new_nnunet_generation_maps_names_to_values_and_sets_ignore_apart(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", NNUNET_V2))
    names = {0: "background", 1: "liver", 3: "spleen"}
    assert choice == LabelChoice(values=(1, 3), names=names, ignore=9, from_file=True)


def test_one_list_of_several_values_makes_every_foreground_entry_of_nnunet_a_region(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", NNUNET_REGIONS))
    assert choice == LabelChoice(
        values=(1, 2, 3),
        names={0: "background"},
        regions=(
            Region("whole_tumor", frozenset({1, 2, 3})),
            Region("tumor_core", frozenset({2, 3})),
            Region("enhancing_tumor", frozenset({3})),
        ),
        ignore=4,
        regions_only=True,
        from_file=True,
    )


def test_regions_keep_the_order_of_the_file_not_of_names_or_values(tmp_path: Path) -> None:
    labels = '{"labels": {"background": 0, "z": 3, "m": [1, 2, 3], "a": [2]}}'
    choice = read_label_file(_file(tmp_path, "dataset.json", labels))
    assert [region.name for region in choice.regions] == ["z", "m", "a"]


def test_nnunet_lists_of_one_value_alone_are_plain_labels(tmp_path: Path) -> None:
    labels = '{"labels": {"background": 0, "liver": [1], "spleen": [2, 2]}}'
    choice = read_label_file(_file(tmp_path, "dataset.json", labels))
    assert choice == LabelChoice(values=(1, 2), names={0: "background", 1: "liver", 2: "spleen"}, from_file=True)


@pytest.mark.parametrize("labels", ['{"nothing": [0], "a": [1, 2]}', '{"nothing": [0, 0], "a": [1, 2]}'])
def test_an_nnunet_list_of_zero_alone_is_background(tmp_path: Path, labels: str) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", f'{{"labels": {labels}}}'))
    assert [region.name for region in choice.regions] == ["a"]
    assert choice.names == {0: "nothing"}


def test_a_region_may_hold_the_background_which_is_no_value_of_its_own(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", '{"labels": {"outside": [0, 5], "a": 1}}'))
    assert choice.values == (1, 5)
    assert choice.regions[0] == Region("outside", frozenset({0, 5}))


def test_ignore_is_lower_case_only_as_in_nnunet(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dataset.json", '{"labels": {"liver": 1, "Ignore": 2}}'))
    assert choice == LabelChoice(values=(1, 2), names={1: "liver", 2: "Ignore"}, from_file=True)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a byte order mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_bids_table_gives_index_and_name_and_leaves_out_names_that_are_not_available(
    tmp_path: Path, mark: bytes, line_end: str
) -> None:
    content = mark + BIDS.replace("\n", line_end).encode()
    choice = read_label_file(_file(tmp_path, "desc-tissue_dseg.tsv", content))
    names = {0: "Background", 100: "Gray Matter", 102: "White Matter"}
    colours = {"#000000": (0,), "#ff53bb": (100,), "#2f8bbe": (102,)}
    assert choice == LabelChoice(values=(100, 101, 102, 103), names=names, from_file=True, colours=colours)


def test_bids_columns_are_found_by_title_wherever_they_stand(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "dseg.tsv", "volume\tname\t index\n12.5\tCSF\t3\n\n9\tGM\t1\n"))
    assert choice == LabelChoice(values=(1, 3), names={1: "GM", 3: "CSF"}, from_file=True)


@pytest.mark.parametrize("name", ["labels.txt", "snap.label", "labels"])
def test_itk_snap_descriptions_are_recognised_by_content(tmp_path: Path, name: str) -> None:
    choice = read_label_file(_file(tmp_path, name, ITK_SNAP))
    names = {0: "Clear Label", 1: "Left lung, upper lobe", 7: "Airway #1"}
    colours = {"#000000": (0,), "#ff0000": (1,), "#00ff00": (7,), "#0000ff": (8,)}
    assert choice == LabelChoice(values=(1, 7, 8), names=names, from_file=True, colours=colours)


@pytest.mark.parametrize("name", ["FreeSurferColorLUT.txt", "aseg.ctab", "aseg.CTAB", "table.lut"])
def test_a_freesurfer_table_gives_number_name_and_colour_and_leaves_out_the_tissue_class(
    tmp_path: Path, name: str
) -> None:
    choice = read_label_file(_file(tmp_path, name, FREESURFER))
    names = {
        0: "Unknown",
        2: "Left-Cerebral-White-Matter",
        17: "Left-Hippocampus",
        820: "Right-HypoThal-noMB",
        8116: "Left-MV(Re)",
    }
    colours = {"#000000": (0,), "#f5f5f5": (2,), "#dcd814": (17,), "#0fa50f": (820,), "#0000ff": (8116,)}
    assert choice == LabelChoice(values=(2, 17, 820, 8116), names=names, from_file=True, colours=colours)


def test_a_look_up_table_of_thousands_of_labels_is_read_whole(tmp_path: Path) -> None:
    lines = "".join(f"{value}  structure-{value}  1 2 3 0\n" for value in range(14_176))
    choice = read_label_file(_file(tmp_path, "lut.txt", lines))
    assert choice.values == tuple(range(1, 14_176))
    assert choice.names[14_175] == "structure-14175"


PLAIN = [
    pytest.param("labels.json", '{"background": 0, "liver": 2, "spleen": 1}', id="JSON"),
    pytest.param("labels.toml", "# organs\nbackground = 0\nliver = 2\nspleen = 1\n", id="TOML"),
    pytest.param("labels.txt", "# organs\n\nbackground = 0\nliver = 2\nspleen = 1\n", id="TOML by content"),
    pytest.param("labels", '\n{"background": 0, "liver": 2, "spleen": 1}', id="JSON by content"),
    pytest.param("labels.json", '{"0": "background", "2": "liver", "1": "spleen"}', id="JSON, value to name"),
    pytest.param("labels.toml", '0 = "background"\n2 = "liver"\n1 = "spleen"\n', id="TOML, value to name"),
]


@pytest.mark.parametrize(("name", "content"), PLAIN)
def test_a_plain_table_gives_names_and_values(tmp_path: Path, name: str, content: str) -> None:
    choice = read_label_file(_file(tmp_path, name, content))
    assert choice == LabelChoice(values=(1, 2), names={0: "background", 1: "spleen", 2: "liver"}, from_file=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.json", '{"whole": [1, 2, 7], "background": 0, "core": [2], "ignore": 255}'),
        ("labels.toml", "whole = [1, 2, 7]\nbackground = 0\ncore = [2]\nignore = 255\n"),
    ],
)
def test_a_plain_table_of_lists_is_region_based(tmp_path: Path, name: str, content: str) -> None:
    choice = read_label_file(_file(tmp_path, name, content))
    assert choice == LabelChoice(
        values=(1, 2, 7),
        names={0: "background"},
        regions=(Region("whole", frozenset({1, 2, 7})), Region("core", frozenset({2}))),
        ignore=255,
        regions_only=True,
        from_file=True,
    )


def test_lists_beside_plain_labels_are_further_regions_that_add_no_values(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "labels.toml", "both = [1, 8]\nliver = 1\nspleen = 2\n"))
    assert choice == LabelChoice(
        values=(1, 2),
        names={1: "liver", 2: "spleen"},
        regions=(Region("both", frozenset({1, 8})),),
        from_file=True,
    )


def test_a_plain_label_may_be_called_labels(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "plain.json", '{"labels": 3}'))
    assert choice == LabelChoice(values=(3,), names={3: "labels"}, from_file=True)


@pytest.mark.parametrize("content", [NNUNET_V1, NNUNET_V2, NNUNET_REGIONS])
def test_a_listed_background_asks_for_no_row_of_its_own(tmp_path: Path, content: str) -> None:
    assert read_label_file(_file(tmp_path, "dataset.json", content)).background is False


def test_line_breaks_and_runs_of_spaces_in_a_name_become_single_spaces(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "labels.json", '{" left\\n  lung ": 1}'))
    assert choice.names == {1: "left lung"}


def test_the_same_label_listed_twice_alike_is_one_label(tmp_path: Path) -> None:
    assert read_label_file(_file(tmp_path, "a.ctab", "1 CSF 1 2 3 0\n1 CSF 9 9 9 0\n")).names == {1: "CSF"}
    assert read_label_file(_file(tmp_path, "a.json", '{"CSF": 1, "CSF": 1}')).names == {1: "CSF"}


def test_values_may_fill_64_bits_and_be_negative(tmp_path: Path) -> None:
    choice = read_label_file(_file(tmp_path, "a.toml", f"a = {2**63 - 1}\nb = -1\n"))
    assert choice.values == (-1, 2**63 - 1)


UNREADABLE = [
    ("empty.json", "", "is empty"),
    ("blank.txt", " \n\t\n", "is empty"),
    ("mark.json", b"\xef\xbb\xbf", "is empty"),
    ("latin.tsv", "index\tname\n1\tH\xf4pital\n".encode("latin-1"), "not UTF-8 text (byte 14)"),
    ("utf16.json", '{"a": 1}'.encode("utf-16"), "not UTF-8 text (byte 0)"),
    ("volume.nii.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "not UTF-8 text (byte 1)"),
    ("broken.json", '{"labels": {"a": 1', "not valid JSON (Expecting ',' delimiter: line 1 column 19"),
    ("BROKEN.JSON", "liver: 1", "not valid JSON (Expecting value: line 1 column 1"),
    ("nul.json", '{"a\0": 1}', "not valid JSON (Invalid control character"),
    ("deep.json", '{"labels": ' + "[" * 200_000, "not valid JSON ("),
    ("deep.json", '{"a": ' * 200_000, "not valid JSON ("),
    ("digits.json", '{"a": ' + "1" * 5000 + "}", "not valid JSON (Exceeds the limit"),
    ("array.json", "[1, 2]", "known are nnU-Net dataset.json or other JSON, BIDS dseg.tsv, ITK-SNAP label"),
    ("number.json", "7", "not a label file of a known format"),
    ("null.json", "null", "not a label file of a known format"),
    ("broken.toml", "liver = \n", "not valid TOML (Invalid value (at line 1"),
    ("twice.toml", "liver = 1\nliver = 2\n", "not valid TOML (Cannot overwrite a value"),
    ("deep.toml", "a = " + "[" * 100_000, "not valid TOML ("),
    ("prose.txt", "Labels are described in the paper.\n", "FreeSurfer look-up table, TOML of names and values"),
    ("nul.txt", "a\0b", "not a label file of a known format"),
    ("comments.txt", "# ITK-SnAP Label Description File\n", "not a label file of a known format"),
    ("other.tsv", "participant_id\tage\nsub-01\t34\n", "the tab-separated columns 'index' and 'name'"),
    ("spaces_dseg.tsv", "index name\n1 GM\n", "the tab-separated columns 'index' and 'name'"),
    ("short_dseg.tsv", "index\tname\n1\tGM\n2\n", "line 3 lacks columns"),
    ("quote_dseg.tsv", 'index\tname\n1\t"GM\n2\tWM\n', "line 3 is damaged (unexpected end of data)"),
    ("long_dseg.tsv", "index\tname\n1\t" + "x" * 200_000, "line 2 is damaged (field larger than field limit"),
    ("snap.txt", ITK_SNAP + '9 255 0 0 1 1 "no mesh"\n', "line 19 is '9 255 0 0 1 1 \"no mesh\"'; write it as IDX R"),
    ("lut.txt", FREESURFER + "3 Left Cortex 9 9 9 0\n", "line 12 is '3 Left Cortex 9 9 9 0'; write it as No. Name"),
    ("few.ctab", "1 CSF 60 60 60\n", "line 1 is '1 CSF 60 60 60'; write it as No. Name R G B A"),
]

LABELS_THAT_CANNOT_BE = [
    ("a.json", "{}", "lists no label other than background"),
    ("dataset.json", '{"labels": {}, "numTraining": 3}', "lists no label other than background"),
    ("dataset.json", '{"labels": {"background": 0, "ignore": 1}}', "lists no label other than background"),
    ("dseg.tsv", "index\tname\n", "lists no label other than background"),
    ("a.toml", "# nothing\n", "lists no label other than background"),
    ("a.ctab", "# nothing\n0 Unknown 0 0 0 0\n", "lists no label other than background"),
    ("a.json", '{"liver": true}', "'liver' is True, not a label value; write an integer"),
    ("a.json", '{"liver": 1.5}', "'liver' is 1.5, not a label value"),
    ("a.json", '{"liver": 1.0}', "'liver' is 1.0, not a label value"),
    ("a.json", '{"liver": NaN}', "'liver' is nan, not a label value"),
    ("a.json", '{"liver": 1e999}', "'liver' is inf, not a label value"),
    ("a.json", '{"liver": null}', "'liver' is None, not a label value"),
    ("a.json", '{"liver": "1"}', "'liver' is '1', not a label value"),
    ("a.json", '{"liver": {"value": 1}}', "'liver' is {'value': 1}, not a label value"),
    ("a.json", '{"both": [1, true]}', "'both' is True, not a label value"),
    ("a.json", '{"both": [1, [2]]}', "'both' is [2], not a label value"),
    ("a.json", '{"1": "liver", "2": 3}', "'1' is 'liver', not a label value"),
    ("a.json", f'{{"liver": {2**63}}}', "'liver' is 9223372036854775808, not a label value"),
    ("a.json", f'{{"{2**63}": "liver"}}', "a key is 9223372036854775808, not a label value"),
    ("a.json", '{"both": []}', "'both' is an empty list; write its label values"),
    ("a.toml", "liver = 2020-01-01\n", "'liver' is datetime.date(2020, 1, 1), not a label value"),
    ("a.toml", "liver = 0x" + "f" * 5000, "not a label value; write an integer"),
    ("a.toml", "[labels]\nliver = 1\n", "'labels' is {'liver': 1}, not a label value"),
    ("dseg.tsv", "index\tname\n1.5\tGM\n", "the index in line 2 is '1.5', not a label value"),
    ("dseg.tsv", "index\tname\n\tGM\n", "the index in line 2 is '', not a label value"),
    ("dseg.tsv", "index\tname\n" + "1" * 5000 + "\tGM\n", "not a label value"),
    ("snap.txt", '# a\n1_0 255 0 0 1 1 1 "GM"\n', "the index in line 2 is '1_0', not a label value"),
    ("a.ctab", "one CSF 60 60 60 0\n", "the index in line 1 is 'one', not a label value"),
    ("a.json", '{"a": 1, "b": 1}', "the label 1 has two names, 'a' and 'b'; keep one"),
    ("a.json", '{"background": 0, "outside": 0, "a": 1}', "the label 0 has two names, 'background' and 'outside'"),
    ("a.json", '{"1": "a", "01": "b"}', "the label 1 has two names, 'a' and 'b'"),
    ("dseg.tsv", "index\tname\n1\tGM\n1\tn/a\n", "the label 1 has two names, 'GM' and ''"),
    ("snap.txt", '1 0 0 0 1 1 1 "a"\n1 0 0 0 1 1 1 "b"\n', "the label 1 has two names, 'a' and 'b'"),
    ("a.json", '{"1": "a", "2": "a"}', "the name 'a' stands for two labels, 1 and 2; give each its own"),
    ("dseg.tsv", "index\tname\n1\tGM\n2\tGM\n", "the name 'GM' stands for two labels, 1 and 2"),
    ("a.ctab", "1 CSF 1 1 1 0\n2 CSF 1 1 1 0\n", "the name 'CSF' stands for two labels, 1 and 2"),
    ("a.json", '{"a": 1, "a": 2}', "the key 'a' is there twice, with two values; keep one"),
    ("dataset.json", '{"labels": {"a": 1, "b": 2, "a": [1, 2]}}', "the key 'a' is there twice"),
    ("a.json", '{"a": 1, "a ": 2}', "the name 'a' is there twice; give each entry its own name"),
    ("a.json", '{"liver": 4, "ignore": 4}', "'liver' holds the 'ignore' label 4"),
    ("a.json", '{"background": 0, "ignore": 0, "liver": 1}', "'background' holds the 'ignore' label 0"),
    ("a.json", '{"all_of": [1, 4], "ignore": 4}', "'all_of' holds the 'ignore' label 4"),
    ("dataset.json", '{"labels": {"a": [1, 2], "ignore": [4]}}', "'ignore' is [4], not a label value"),
    ("a.json", '{"1": "a", "8": "ignore", "9": "ignore"}', "several labels are called 'ignore' ({8, 9})"),
    ("dataset.json", '{"labels": {"background": 1, "a": 2}}', "'background' is (1,); in nnU-Net it must be 0"),
    ("dataset.json", '{"labels": {"background": [0, 1], "a": 2}}', "'background' is (0, 1); in nnU-Net it must be 0"),
    ("a.json", '{"mean": [1, 2]}', "a region cannot be called 'mean'"),
    ("dataset.json", '{"labels": {"all": 1, "b": [1, 2]}}', "a region cannot be called 'all'"),
    ("dataset.json", '{"labels": {"3": 3, "b": [1, 2]}}', "a region cannot be called '3'"),
    ("a.toml", '" " = [1, 2]\n', "a region cannot be called ''"),
    ("a.json", r'{"\u001b[31m": 1}', r"the name '\x1b[31m' holds a character that cannot be printed"),
    ("a.json", r'{"\ud800": 1}', r"the name '\ud800' holds a character that cannot be printed"),
]


@pytest.mark.parametrize(("name", "content", "words"), UNREADABLE)
def test_what_is_no_label_file_is_refused_as_unreadable(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    _assert_refused(_file(tmp_path, name, content), UnreadableFile, words)


@pytest.mark.parametrize(("name", "content", "words"), LABELS_THAT_CANNOT_BE)
def test_labels_that_cannot_be_are_refused_with_the_value(tmp_path: Path, name: str, content: str, words: str) -> None:
    _assert_refused(_file(tmp_path, name, content), LabelError, words)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    _assert_refused(tmp_path / "absent.json", UnreadableFile, "cannot be read (No such file or directory)")


def test_a_directory_is_unreadable(tmp_path: Path) -> None:
    _assert_refused(tmp_path, UnreadableFile, "cannot be read (Is a directory)")


def test_a_path_that_no_system_can_open_is_unreadable() -> None:
    _assert_refused(Path("labels\0.json"), UnreadableFile, "cannot be read (embedded null byte)")


def test_a_file_of_16_mib_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    content = '{"liver": 1}'
    full = content + " " * (16 * 2**20 - len(content))
    assert read_label_file(_file(tmp_path, "full.json", full)).values == (1,)
    _assert_refused(_file(tmp_path, "larger.json", full + " "), UnreadableFile, "larger than 16 MiB")


def _assert_refused(path: Path, kind: type[SegevalError], words: str) -> None:
    """One line that begins with the path and ends in what to do."""
    with pytest.raises(SegevalError) as refusal:
        read_label_file(path)
    message = str(refusal.value)
    assert type(refusal.value) is kind
    assert message.startswith(f"{path}: ")
    assert words in message
    assert ";" in message
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 300


KEYS = st.sampled_from(["background", "ignore", "liver", "labels", "mean", "0", "1", "2", "", "*"]) | st.text()
LEAVES = st.none() | st.booleans() | st.integers() | st.integers(-1, 4) | st.floats() | st.text()
TABLES = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8)
)
ROWS = st.lists(st.lists(st.integers(-1, 9).map(str) | st.sampled_from(['"a b"', '"', "#", "n/a", "=", "[1]"])))
CONTENTS = st.one_of(
    st.binary(),
    st.text().map(str.encode),
    TABLES.map(json.dumps).map(str.encode),
    TABLES.map(lambda labels: json.dumps({"labels": labels}).encode()),
    ROWS.map(lambda rows: "\n".join(" ".join(row) for row in rows).encode()),
    ROWS.map(lambda rows: "\n".join(["index\tname", *("\t".join(row) for row in rows)]).encode()),
)


@settings(max_examples=200, deadline=None, database=None)
@given(content=CONTENTS, ending=st.sampled_from([".json", ".toml", ".tsv", ".ctab", ".txt", ""]))
def test_any_content_under_any_ending_gives_a_choice_or_a_refusal_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ending: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"labels{ending}"
    path.write_bytes(content)
    try:
        choice = read_label_file(path)
    except (UnreadableFile, LabelError) as refusal:
        assert str(refusal).startswith(f"{path}: ")
        assert len(str(refusal).splitlines()) == 1
    else:
        assert choice.from_file
        assert choice.values is not None
        assert 0 not in choice.values
        assert list(choice.values) == sorted(set(choice.values))
        assert choice.ignore not in choice.values
        assert set(choice.names) <= {0, *choice.values}
