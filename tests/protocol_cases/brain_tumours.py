"""Brain tumours of several parts and lesions: merged by dilation, small, missed, invented, at the border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol_cases.case import Case, without

SHAPE = (40, 36, 26)
_PLACES = (  # centre, and the radii in voxels of oedema, core and enhancing tumour
    ((10, 10, 8), (6, 4, 2)),
    ((26, 9, 9), (4, 3, 1)),
    ((34, 11, 9), (3, 1, 0)),
    ((12, 28, 16), (3, 2, 2)),
    ((2, 33, 23), (3, 1, 1)),
    ((22, 22, 20), (1, 1, 1)),
    ((34, 30, 5), (2, 2, 0)),
)


def _ball(centre: NDArray[Any], radius: float, spacing: tuple[float, ...]) -> NDArray[np.bool_]:
    grid = np.indices(SHAPE) - np.reshape(centre, (3, 1, 1, 1))
    return np.asarray(((grid * np.reshape(spacing, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2)


def _tumours(seed: int, spacing: tuple[float, float, float]) -> Case:
    """2 around 1 around 3; the prediction is displaced, lacks a lesion, and has others."""
    rng = np.random.default_rng(seed)
    y, h = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for number, (place, radii) in enumerate(_PLACES):
        moved = np.asarray(place) + rng.integers(-1, 2, 3)
        for label, radius in zip((2, 1, 3), radii, strict=True):
            if radius:
                y[_ball(np.asarray(place), radius, spacing)] = label
                if number != 3:
                    h[_ball(moved, radius * rng.uniform(0.7, 1.2), spacing)] = label
    h[_ball(np.array([24, 32, 12]), 2.2, spacing)] = 3
    h[_ball(np.array([36, 20, 20]), 1.1, spacing)] = 2
    return Case(y, h, spacing)


_TUMOURS = _tumours(3, (1.0, 1.0, 1.0))
TUMOURS: Mapping[str, Case] = {
    "brain tumours": _TUMOURS,
    "brain tumours, stretched": _tumours(5, (0.8, 1.0, 1.5)),
    "brain tumours, none enhancing": without(_TUMOURS, of_y=(3,), of_h=(3,)),
    "brain tumours, enhancing ones invented": without(_TUMOURS, of_y=(3,)),
    "brain tumours, none predicted": without(_TUMOURS, of_h=(1, 2, 3)),
    "brain tumours, nothing at all": without(_TUMOURS, of_y=(1, 2, 3), of_h=(1, 2, 3)),
}


def _numbered(numbers: tuple[int, ...], *, cyst: int = 0) -> dict[str, Case]:
    """The same with other numbers for 0, 1, 2 and 3, and a cyst in some of the core (and 1 mm³ a voxel)."""
    found = {}
    for title, case in TUMOURS.items():
        y, h = (np.array(numbers, np.uint8)[labels] for labels in (case.y, case.h))
        if cyst:
            y[7:12, 8:10, 6:9][y[7:12, 8:10, 6:9] != 0] = h[8:13, 8:10, 6:9][h[8:13, 8:10, 6:9] != 0] = cyst
        found[title] = Case(y, h, (0.8, 1.0, 1.25) if cyst and "stretched" in title else case.spacing)
    return found


PAEDIATRIC = {f"paediatric {title}": case for title, case in _numbered((0, 2, 4, 1), cyst=3).items()}
GROSS = {f"gross {title}": case for title, case in _numbered((0, 1, 0, 1)).items()}
GLIOMAS = {title.replace("brain tumours", "gliomas"): case for title, case in _numbered((0, 1, 2, 4)).items()}
_RESECTED = _numbered((0, 1, 2, 3), cyst=4)
MILLIMETRES = {f"resected {title}": case for title, case in _RESECTED.items() if "stretched" not in title}
OF_CHILDREN = {
    title.replace("paediatric", "children's"): case for title, case in PAEDIATRIC.items() if "stretched" not in title
}
GROSS_MILLIMETRES = {f"target, {title}": case for title, case in GROSS.items() if "stretched" not in title}


def _metastases(seed: int) -> Case:
    """Lesions of 3 on a lattice, of 1 to 50 mm³: found, displaced by a voxel or two, missed, and invented ones."""
    rng = np.random.default_rng(seed)
    y, h = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for place in np.stack(np.meshgrid(*(range(4, n - 3, 8) for n in SHAPE)), axis=-1).reshape(-1, 3):
        radius, kind = rng.choice([0.5, 1.0, 1.5, 2.2]), rng.integers(0, 6)
        if kind != 0:
            y[_ball(place, radius, (1.0, 1.0, 1.0))] = 3
        if kind != 1:
            h[_ball(place + rng.integers(-1, 2, 3), radius * rng.uniform(0.8, 1.3), (1.0, 1.0, 1.0))] = 3
    return Case(y, h, (1.0, 1.0, 1.0))


METASTASES = {**MILLIMETRES, "metastases": _metastases(8), "metastases, other ones": _metastases(9)}
UNTREATED = {title: case for title, case in TUMOURS.items() if "stretched" not in title}
RESECTED = {f"resected {title}": case for title, case in _RESECTED.items()}
FAMILIES = {
    "resected brain tumours": RESECTED,
    "brain metastases of 1 mm³": METASTASES,
    "untreated brain tumours of 1 mm³": UNTREATED,
    "brain tumours of 1 mm³": MILLIMETRES,
    "paediatric brain tumours of 1 mm³": OF_CHILDREN,
    "gross brain tumours of 1 mm³": GROSS_MILLIMETRES,
    "brain tumours": TUMOURS,
    "paediatric brain tumours": PAEDIATRIC,
    "gross brain tumours": GROSS,
    "gliomas": GLIOMAS,
}
