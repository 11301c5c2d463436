"""Labels of colours: pixels of a colour picture, or of a picture's own palette, looked up in a table.

Source of ids in colours: the COCO panoptic format, id = R + 256 G + 65,536 B.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from segeval.errors import LabelError
from segeval.words.colours import hex_colour

Labels = NDArray[Any]


class ColourTable(Struct, frozen=True, dict=True):
    """What colours mean.

    name: of the table, for messages. labels: those that a ``#rrggbb`` stands for, the first of which its pixels get.
    ids: every colour is a number, and there is no table.
    """

    name: str
    labels: Mapping[str, tuple[int, ...]]
    ids: bool = False

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest that holds every label."""
        if self.ids:
            return np.dtype(np.uint32)
        return np.result_type(*(np.min_scalar_type(labels[0]) for labels in self.labels.values()))

    @cached_property
    def sorted(self) -> tuple[NDArray[np.uint32], Labels]:
        """Colours as numbers, R + 256 G + 65,536 B, ascending, and their labels."""
        found = sorted((_number(colour), labels[0]) for colour, labels in self.labels.items())
        colours = np.array([number for number, _ in found], dtype=np.uint32)
        return colours, np.array([label for _, label in found], dtype=self.dtype)

    @cached_property
    def shared(self) -> Mapping[int, tuple[int, ...]]:
        """The labels of each first label that shares its colour."""
        return {labels[0]: labels for labels in self.labels.values() if len(labels) > 1}


class Colours(Struct):
    """The pixels of one file as labels.

    used: whether any was looked up. transparent: pixels that show nothing; met: labels that share a colour.
    """

    path: Path
    table: ColourTable
    used: bool = False
    transparent: int = 0
    met: Counter[int] = field(default_factory=Counter)

    def of_pixels(
        self, pixels: NDArray[np.uint8], top: int = 0, left: int = 0, step: int = 1, page: str = ""
    ) -> Labels:
        """Of an array (rows, columns, 3 or 4): red, green, blue, opacity. Raises LabelError.

        top, left: the row and column of the picture, from 0, that the first ones are; step: to the next row; page: in
        words, of several.
        """
        numbers = pixels[..., 0].astype(np.uint32)
        numbers |= pixels[..., 1].astype(np.uint32) << 8
        numbers |= pixels[..., 2].astype(np.uint32) << 16
        hidden = pixels[..., 3] == 0 if pixels.shape[-1] == 4 else None
        flat = numbers.reshape(-1)
        if self.table.ids:
            labels: Labels = numbers
        else:
            starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
            found, unknown = self._looked_up(flat[starts])
            lengths = np.diff(starts, append=flat.size)
            labels = np.repeat(found, lengths).reshape(numbers.shape)
            if unknown.any():
                strange = np.repeat(unknown, lengths).reshape(numbers.shape)
                if hidden is not None:
                    strange &= ~hidden
                if strange.any():
                    row, column = np.unravel_index(int(strange.argmax()), strange.shape)
                    place = _place(top + step * int(row), left + int(column), page)
                    raise self._unknown(int(numbers[row, column]), f"{place} has")
        if hidden is not None and hidden.any():
            labels[hidden] = 0
            self.transparent += int(np.count_nonzero(hidden))
        self._note(labels)
        return labels

    def of_indices(
        self,
        indices: NDArray[Any],
        palette: NDArray[np.uint8],
        top: int = 0,
        left: int = 0,
        step: int = 1,
        page: str = "",
    ) -> Labels:
        """Of an array (rows, columns) of indices into a palette (colours, 3), as `of_pixels`. Raises LabelError."""
        weights = np.array([1, 1 << 8, 1 << 16], dtype=np.uint32)
        numbers = np.zeros(max(len(palette), int(indices.max(initial=0)) + 1), dtype=np.uint32)
        numbers[: len(palette)] = palette.astype(np.uint32) @ weights
        found, unknown = (numbers, np.zeros(numbers.shape, np.bool_)) if self.table.ids else self._looked_up(numbers)
        unknown[len(palette) :] = True
        strange = unknown[indices]
        if strange.any():
            row, column = np.unravel_index(int(strange.argmax()), strange.shape)
            index = int(indices[row, column])
            words = f"{_place(top + step * int(row), left + int(column), page)} has the index {index} of its palette,"
            if index >= len(palette):
                raise LabelError(f"{self.path}: {words} which has {len(palette)} colours; export it again")
            raise self._unknown(int(numbers[index]), words)
        labels: Labels = found[indices]
        self._note(labels)
        return labels

    def remarks(self) -> list[str]:
        """What the pixels showed, once they were read."""
        found = []
        if self.transparent:
            found.append(f"{self.path}: {self.transparent} pixels are fully transparent, and taken for background")
        for label, pixels in sorted(self.met.items()):
            others = ", ".join(map(str, self.table.shared[label][1:]))
            found.append(
                f"{self.path}: {pixels} pixels have a colour that {self.table.name} gives to {label} and to {others}; "
                f"they are taken for {label}"
            )
        return found

    def _looked_up(self, numbers: NDArray[np.uint32]) -> tuple[Labels, NDArray[np.bool_]]:
        """Labels of colours, and which of these the table lacks."""
        colours, labels = self.table.sorted
        places = np.searchsorted(colours, numbers)
        np.minimum(places, colours.size - 1, out=places)
        return labels[places], colours[places] != numbers

    def _note(self, labels: Labels) -> None:
        self.used = True
        for label in self.table.shared:
            if count := int(np.count_nonzero(labels == label)):
                self.met[label] += count

    def _unknown(self, number: int, words: str) -> LabelError:
        parts = [number >> shift & 255 for shift in (0, 8, 16)]
        colour = hex_colour(parts)
        return LabelError(
            f"{self.path}: {words} the colour {colour} ({', '.join(map(str, parts))}), which {self.table.name} lacks; "
            "choose another --palette, or give every colour its line in a label file"
        )


def _place(row: int, column: int, page: str) -> str:
    return f"the pixel in row {row}, column {column}{page} (from 0)"


def _number(colour: str) -> int:
    """R + 256 G + 65,536 B of ``#rrggbb``."""
    return int.from_bytes(bytes.fromhex(colour[1:]), "little")
