"""The colour tables that come with segeval, as ``dseg.tsv`` files in `palettes/`: index, name, colour of each label.

Sources. voc: the VOC development kit's ``VOCcode/VOClabelcolormap.m`` and ``VOCinit.m``; 255 is the border of objects.
cityscapes: ``cityscapesscripts/helpers/labels.py`` of github.com/mcordts/cityscapesScripts, commit 0bcc4a7, by id;
black is ``unlabeled`` for all five labels that have it. ade20k: ``objectInfo150.csv`` and
``visualizationCode/color150.mat`` of github.com/CSAILVision/sceneparsing, commit e202229, by the indices of its
annotations. camvid: ``label_colors.txt`` of the Cambridge-driving Labeled Video Database, whose 32 classes have no
numbers: here in the file's order from 1, and Void is 0.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from segeval.targets import LabelChoice

_FOLDER = Path(__file__).parent / "palettes"
IGNORED = {"voc": 255}
"""By palette, the label whose pixels do not count."""


@cache
def shipped(name: str) -> LabelChoice:
    """The labels of a table that comes with segeval, with names and colours."""
    from segeval.readers.label_lines import read_bids

    path = _FOLDER / f"{name}.tsv"
    return read_bids(path, path.read_text(encoding="utf-8"))
