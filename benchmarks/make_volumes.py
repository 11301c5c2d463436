"""Make the volumes of the benchmarks: seeded, kept between runs, made again when what they are made from changes.

Run: python benchmarks/make_volumes.py [--folder FOLDER] [NAME ...]
Memory stays small: label maps are written slab by slab.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from phantoms import Cells, Phantom, Style

VERSION = 1  # of what phantoms.py and this file make; raise it when the volumes change
_SEED = 20
_SPACING = (0.8, 0.8, 1.5)
_FEW = 60  # pairs of volumes behind many cases
_SLAB = 1 << 23  # bytes that are handed to the compressor at once

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Recipe:
    """One set of volumes. ``name`` is its folder; shape is (x, y, z); ``cases``: 0 for a single pair.

    prefixes: further folders with the first ``depth`` slices only. merged: further folders with so many labels.
    """

    name: str
    shape: Shape
    labels: int
    style: Style
    endings: tuple[str, ...] = (".nii.gz",)
    prefixes: dict[str, int] = field(default_factory=dict)
    merged: dict[str, int] = field(default_factory=dict)
    cases: int = 0
    kind: str = "labels"

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders that this recipe fills."""
        return (self.name, *self.prefixes, *self.merged)

    def stamp(self) -> str:
        """What the files depend on."""
        return json.dumps({"version": VERSION, "seed": _SEED, **asdict(self)}, indent=1)


_LESION = Style(2, 32, bend=0.2, rough=0.8, nested=True)
RECIPES = (
    Recipe("labels_240x240x155_3", (240, 240, 155), 3, _LESION),
    Recipe("labels_512x512x300_14", (512, 512, 300), 14, Style(10, 27, rough=0.15)),
    Recipe("organs_512x512x300_14", (512, 512, 300), 14, Style(1, 40, spread=0.45, rough=0.15, missed=0)),
    Recipe(
        "labels_400x400x600_117",
        (400, 400, 600),
        117,
        Style(6, 19, rough=0.15),
        merged={"labels_400x400x600_117_as_14": 14},
    ),
    Recipe(
        "labels_1024x1024x2000_4",
        (1024, 1024, 2000),
        4,
        Style(200, 50),
        (".nii", ".nii.gz"),
        prefixes={"labels_1024x1024x1000_4": 1000},
    ),
    Recipe("cells_512x512x512", (512, 512, 512), 1, Style(47**3, 2.6, spread=0.15, error=0.6), kind="cells"),
    Recipe("foreground_240x240x155", (240, 240, 155), 1, Style(2, 32, bend=0.2, rough=0.8), kind="foreground"),
    Recipe("softmax_192x192x160_5", (192, 192, 160), 4, Style(3, 22), (".nii.gz", ".npz"), kind="softmax"),
    Recipe("batch_128x128x96", (128, 128, 96), 3, Style(3, 12), cases=200),
    Recipe("batch_256x256x200", (256, 256, 200), 3, Style(8, 24), cases=200),
    Recipe("many_8x8x4", (8, 8, 4), 5, Style(1, 1), cases=20_000, kind="many"),
)
_FLIPS = tuple(product((1, -1), repeat=3))  # a few phantoms, each in eight orientations, make a batch


def default_folder() -> Path:
    """The cache folder of the benchmarks."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "segeval-benchmarks"


def make(folder: Path, names: Sequence[str] = (), tell: Callable[[str], object] = lambda _: None) -> None:
    """Make what is missing or outdated of the recipes that fill these folders (all of them by default)."""
    for recipe in RECIPES:
        if names and not set(names) & set(recipe.folders):
            continue
        if all(_read(folder / name / "made_from.json") == recipe.stamp() for name in recipe.folders):
            continue
        tell(f"making {', '.join(recipe.folders)}")
        for name in recipe.folders:
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir(parents=True)
        makers["batch" if recipe.cases and recipe.kind == "labels" else recipe.kind](recipe, folder)
        for name in recipe.folders:
            (folder / name / "made_from.json").write_text(recipe.stamp())


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


class NiftiWriter:
    """Writes a NIfTI piece by piece, gzipped at level 6 (as most tools do) where the name ends in .gz."""

    def __init__(self, path: Path, shape: Sequence[int], dtype: type[np.generic]) -> None:
        header = nibabel.Nifti1Header()
        header.set_data_shape(shape)
        header.set_data_dtype(dtype)
        affine = np.diag([*_SPACING, 1.0])
        header.set_sform(affine, 1)
        header.set_qform(affine, 1)
        header.set_xyzt_units("mm")
        header["vox_offset"], header["magic"] = 352, b"n+1"
        self._file = path.open("wb")
        self._compressor = zlib.compressobj(6, wbits=31) if path.suffix == ".gz" else None
        self.write(header.binaryblock + bytes(4))

    def write(self, data: Any) -> None:
        """Append bytes, or a contiguous array's."""
        self._file.write(self._compressor.compress(data) if self._compressor else data)

    def __enter__(self) -> NiftiWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._compressor and not kind:
            self._file.write(self._compressor.flush())
        self._file.close()


def _make_labels(recipe: Recipe, folder: Path) -> None:
    """Pairs of label maps, slab by slab, into all folders at once; the files are compressed in two threads."""
    cells = recipe.kind == "cells"
    phantom = (
        Cells(recipe.shape, recipe.style, _SEED) if cells else Phantom(recipe.shape, recipe.labels, recipe.style, _SEED)
    )
    nx, ny, nz = recipe.shape
    kept = np.arange(recipe.labels + 1, dtype=np.uint8)
    outputs = [(recipe.name, nz, kept)]
    outputs += [(name, depth, kept) for name, depth in recipe.prefixes.items()]
    outputs += [
        (name, nz, (kept.astype(int) * count + recipe.labels - 1) // recipe.labels)
        for name, count in recipe.merged.items()
    ]
    thick = max(1, _SLAB // (nx * ny))
    with ThreadPoolExecutor(2) as pool:
        writers = [
            (
                NiftiWriter(folder / name / f"{side}{ending}", (nx, ny, depth), np.uint8),
                place,
                depth,
                table.astype(np.uint8),
            )
            for name, depth, table in outputs
            for ending in recipe.endings
            for place, side in enumerate(("prediction", "reference"))
        ]
        for start in range(0, nz, thick):
            slices = [phantom.pair_at(z) for z in range(start, min(start + thick, nz))]
            slabs = [np.stack(side) for side in zip(*slices, strict=True)]
            written = [
                pool.submit(writer.write, np.ascontiguousarray(table[slabs[place][: depth - start]]))
                for writer, place, depth, table in writers
                if start < depth
            ]
            for done in written:
                done.result()
        for writer, *_ in writers:
            writer.__exit__(None, None, None)


def _make_batch(recipe: Recipe, folder: Path) -> None:
    """Many pairs: every phantom in eight orientations."""
    sides = ("predictions", "references")
    for side in sides:
        (folder / recipe.name / side).mkdir()
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, recipe.cases, len(_FLIPS)):
            phantom = Phantom(recipe.shape, recipe.labels, recipe.style, _SEED + first)
            slices = [phantom.pair_at(z) for z in range(recipe.shape[2])]
            volumes = [np.stack(side) for side in zip(*slices, strict=True)]
            written = [
                pool.submit(
                    _write, folder / recipe.name / side / f"case_{first + number:04}.nii.gz", volume[::z, ::y, ::x]
                )
                for number, (z, y, x) in enumerate(_FLIPS[: recipe.cases - first])
                for side, volume in zip(sides, volumes, strict=True)
            ]
            for done in written:
                done.result()


def _make_many(recipe: Recipe, folder: Path) -> None:
    """Manifests of as many cases over a few noisy pairs: what a report costs, not what reading costs. In the second
    manifest a tenth of the predictions are right."""
    random, target = np.random.default_rng(_SEED), folder / recipe.name
    for number in range(_FEW):
        reference = random.integers(0, recipe.labels + 1, recipe.shape[::-1], dtype=np.uint8)
        noise = random.integers(0, recipe.labels + 1, reference.shape, dtype=np.uint8)
        changed = random.random(reference.shape) < 0.3 + number / 200
        _write(target / f"reference_{number}.nii", reference)
        _write(target / f"prediction_{number}.nii", np.where(changed, noise, reference))
    chosen, right = random.integers(_FEW, size=recipe.cases), random.random(recipe.cases) < 0.1
    for name, perfect in (("pairs", np.zeros_like(right)), ("better_pairs", right)):
        lines = [
            f"case_{case:06},{target}/{'reference' if same else 'prediction'}_{pair}.nii,{target}/reference_{pair}.nii"
            for case, (pair, same) in enumerate(zip(chosen, perfect, strict=True))
        ]
        (target / f"{name}.csv").write_text("\n".join(["case,prediction,reference", *lines, ""]))


def _make_foreground(recipe: Recipe, folder: Path) -> None:
    """A foreground map in float32, and its reference."""
    phantom = Phantom(recipe.shape, recipe.labels, recipe.style, _SEED)
    target = folder / recipe.name
    slices = range(recipe.shape[2])
    with (
        NiftiWriter(target / "prediction.nii.gz", recipe.shape, np.float32) as prediction,
        NiftiWriter(target / "reference.nii.gz", recipe.shape, np.uint8) as reference,
    ):
        for z in slices:
            prediction.write(np.ascontiguousarray(phantom.softmax_at(z, _SEED)[1]))
            reference.write(phantom.pair_at(z)[1])


def _make_softmax(recipe: Recipe, folder: Path) -> None:
    """A softmax in float32, (x, y, z, class) in NIfTI and (class, z, y, x) in .npz, and its reference."""
    phantom = Phantom(recipe.shape, recipe.labels, recipe.style, _SEED)
    target = folder / recipe.name
    slices = range(recipe.shape[2])
    shares = np.stack([phantom.softmax_at(z, _SEED) for z in slices], axis=1)
    with NiftiWriter(target / "prediction.nii.gz", (*recipe.shape, recipe.labels + 1), np.float32) as writer:
        for channel in shares:
            writer.write(np.ascontiguousarray(channel))
    np.savez_compressed(target / "prediction.npz", probabilities=shares)
    _write(target / "reference.nii.gz", np.stack([phantom.pair_at(z)[1] for z in slices]))


def _write(path: Path, volume: NDArray[Any]) -> None:
    """A whole label map, (z, y, x)."""
    with NiftiWriter(path, volume.shape[::-1], np.uint8) as writer:
        writer.write(np.ascontiguousarray(volume))


makers: dict[str, Callable[[Recipe, Path], None]] = {
    "labels": _make_labels,
    "cells": _make_labels,
    "batch": _make_batch,
    "many": _make_many,
    "foreground": _make_foreground,
    "softmax": _make_softmax,
}


def main() -> None:
    """Make all volumes, or those of the named folders, and list them."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = [name for recipe in RECIPES for name in recipe.folders]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; one of: {', '.join(known)}")
    parser.add_argument("--folder", type=Path, default=default_folder() / "volumes")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"unknown volumes: {', '.join(sorted(unknown))}")
    make(options.folder, options.names, lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
