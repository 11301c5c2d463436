"""Colours of TIFF slices as labels: red, green, blue side by side, or the colours of a palette.

Source: TIFF 6.0, sections 5 (palette colour), 6 (RGB) and 18 (associated alpha).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.errors import UnreadableFile
from segeval.readers.colours import Colours

WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE = 0, 1, 2, 3
_SIDE_BY_SIDE = 1
_BYTE = 255


class SliceColours(Struct, frozen=True):
    """How the stored values of one slice become labels. samples: values per pixel. palette: of one index each.

    page: its number, from 0.
    """

    colours: Colours
    samples: int
    palette: NDArray[np.uint8] | None
    page: int

    @property
    def bytes_per_pixel(self) -> int:
        """What is held while labels are looked up: the stored values, and their colour as a number."""
        return self.samples + 4

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.colours.table.dtype

    def labels(self, stored: NDArray[Any], top: int, left: int, turned: int | None) -> NDArray[Any]:
        """Of a strip or tile. top, left: where it begins. turned: the rows of a slice that is stored from its last one.

        Raises LabelError.
        """
        first, step = (top, 1) if turned is None else (turned - 1 - top, -1)
        where = f" of page {self.page}" if self.page else ""
        if self.palette is None:
            return self.colours.of_pixels(stored, first, left, step, where)
        return self.colours.of_indices(stored, self.palette, first, left, step, where)


def require_colours_that_are_read(path: Path, page: Any, colours: Colours | None) -> None:
    """One value per pixel, or red, green and blue where it is said what these mean. Raises UnreadableFile."""
    samples, photometric = page.samplesperpixel, int(page.photometric)
    if photometric != _RGB or colours is None:
        if samples != 1 or photometric not in (WHITE_IS_0, _BLACK_IS_0, _PALETTE):
            raise UnreadableFile(
                f"{path}: is a colour picture ({samples} values per pixel, photometric {photometric}); say what its "
                "colours mean with --palette, or in a label file, or export labels as grey values"
            )
        return
    if page.samplesperpixel not in (3, 4) or page.bitspersample != 8 or np.dtype(page.dtype) != np.uint8:
        raise UnreadableFile(
            f"{path}: has colours of {page.samplesperpixel} values of {page.bitspersample} bits; export them as RGB of "
            "8 bits"
        )
    if page.planarconfig != _SIDE_BY_SIDE:
        raise UnreadableFile(f"{path}: stores red, green and blue as planes of their own; export them side by side")


def slice_colours(path: Path, page: Any, colours: Colours) -> SliceColours | None:
    """What reads the colours of a page; None for one of grey values, which are labels. Raises UnreadableFile."""
    if int(page.photometric) == _RGB:
        return SliceColours(colours, int(page.samplesperpixel), None, page.index)
    if int(page.photometric) != _PALETTE:
        return None
    entries = np.asarray(page.colormap)
    if entries.shape != (3, 1 << page.bitspersample):
        raise UnreadableFile(f"{path}: its palette is not that of {page.bitspersample} bits; export it again")
    if entries.max() > _BYTE:  # else 8 bits were written where 16 belong, as old programs do
        entries = entries >> 8
    return SliceColours(colours, 1, np.ascontiguousarray(entries.T).astype(np.uint8), page.index)
