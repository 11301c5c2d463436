"""A picture as a file for a paper: SVG that stands alone, PNG, PDF."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from segeval.errors import UsageError
from segeval.files.whole_files import free_name, made_folder, write_whole
from segeval.results.pictures import LabelPictures
from segeval.words.extras import install

FIGURE_ENDINGS = (".svg", ".png", ".pdf")

_VARIABLE = re.compile(r"var\(--[a-z-]+, (#[0-9a-f]{6}|currentColor)\)")
_SCALE = 3.0  # pixels of a PNG per pixel of the picture's own size
_BOX = re.compile(r'viewBox="(\S+) (\S+) (\S+) (\S+)"[^>]*>')


def write_figures(folder: Path, pictures: Iterable[LabelPictures]) -> None:
    """Every slice as SVG, PNG and PDF, ``CASE_LABEL_PLANE.svg``, in a folder that is made where it is missing.

    Raises UsageError, WriteError.
    """
    taken: set[str] = set()
    made_folder(folder)
    for picture in pictures:
        for view in picture.slices:
            name = free_name(f"{picture.case}_{picture.name or picture.label}_{view.plane}", taken)
            for ending in FIGURE_ENDINGS:
                write_figure(view.svg, folder / f"{name}{ending}")


def write_figure(svg: str, path: Path) -> None:
    """Write a picture as its file's ending says, whole or not at all; the same picture gives the same bytes of SVG.

    Raises UsageError for another ending and without the extra, WriteError.
    """
    alone = standing_alone(svg)
    ending = path.suffix.lower()
    if ending == ".svg":
        write_whole(path, alone + "\n")
    elif ending in FIGURE_ENDINGS:
        write_whole(path, _converted(alone, ending))
    else:
        raise UsageError(f"{path}: a figure ends in {', '.join(FIGURE_ENDINGS)}")


def standing_alone(svg: str) -> str:
    """The same on white, every variable its default."""
    plain = _VARIABLE.sub(lambda found: found[1], svg).replace("currentColor", "#000000")
    box = _BOX.search(plain)
    if box is None:
        raise ValueError("the picture has no viewBox")
    x, y, width, height = map(float, box.groups())
    beyond = f'x="{x - width:g}" y="{y - height:g}" width="{3 * width:g}" height="{3 * height:g}"'  # of a pixel's edge
    paper = f'<rect {beyond} fill="#ffffff"/>'
    return plain[: box.end()] + paper + plain[box.end() :]


def _converted(svg: str, ending: str) -> bytes:
    try:
        import vl_convert
    except ImportError:
        raise UsageError(f"PNG and PDF figures need vl-convert; {install('report')}") from None
    if ending == ".pdf":
        return bytes(vl_convert.svg_to_pdf(svg))
    return bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
