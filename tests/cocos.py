"""COCO files: masks encoded by pycocotools, pictures by Pillow."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco

Array = np.ndarray[Any, Any]
Polygon = list[float]

CATEGORIES = {1: "person", 18: "dog", 44: "bottle"}


def encoded(mask: Array) -> dict[str, Any]:
    """Compressed run lengths of a mask (y, x), as JSON holds them."""
    found = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(n) for n in found["size"]], "counts": found["counts"].decode()}


def runs(mask: Array) -> dict[str, Any]:
    """The same, not compressed."""
    flat = mask.astype(bool).reshape(-1, order="F")
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flat, [False])).astype(int)))
    ends = [0, *edges.tolist(), flat.size]
    counts = np.diff(ends).tolist()
    return {"size": list(mask.shape), "counts": counts if counts[-1] else counts[:-1]}


def drawn(polygons: Sequence[Polygon], size: tuple[int, int]) -> Array:
    """Polygons as a mask (y, x), by pycocotools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pycocotools, on NumPy 2
        return coco.decode(coco.merge(coco.frPyObjects([list(one) for one in polygons], *size))).astype(bool)


def image(number: int, size: tuple[int, int], name: str | None = None) -> dict[str, Any]:
    """An entry of ``images``; size: (height, width)."""
    return {"id": number, "height": size[0], "width": size[1], "file_name": name or f"{number:012d}.jpg"}


def annotation(number: int, category: int, segmentation: Any, **more: Any) -> dict[str, Any]:
    """An entry of ``annotations``, or of results."""
    return {"image_id": number, "category_id": category, "segmentation": segmentation, **more}


def dataset(
    path: Path,
    images: Sequence[Any],
    annotations: Sequence[Any],
    categories: Mapping[int, str] = CATEGORIES,
) -> Path:
    """Write an instances file, or a panoptic one."""
    listed = [{"id": number, "name": name, "supercategory": "thing"} for number, name in categories.items()]
    numbered = [{"id": n, "iscrowd": 0, **one} for n, one in enumerate(annotations)]
    path.write_text(json.dumps({"images": images, "annotations": numbered, "categories": listed}))
    return path


def panoptic(
    path: Path,
    pictures: Mapping[int, Array],
    segments: Mapping[int, Sequence[Mapping[str, Any]]],
    categories: Mapping[int, str],
) -> Path:
    """Write a panoptic file and its folder of PNG files. pictures: numbers of segments (y, x), by image."""
    folder = path.with_suffix("")
    folder.mkdir()
    for number, ids in pictures.items():
        colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
        Image.fromarray(colours).save(folder / f"{number}.png")
    entries = [
        {"image_id": number, "file_name": f"{number}.png", "segments_info": list(each)}
        for number, each in segments.items()
    ]
    images = [image(number, ids.shape) for number, ids in pictures.items()]
    return dataset(path, images, entries, categories)
