"""``--max-distance``: surface distances up to a limit, beyond which it is known only that they are larger."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.quantities import parts_of
from segeval.settings import Settings
from segeval.tallies.surfaces import DEFAULT_TAU_MM, Surfaces, TargetSurface


def require_reach(settings: Settings) -> None:
    """Raises UsageError where nsd tolerates more than distances are known up to."""
    if settings.max_distance is None:
        return
    tolerated = [
        mm
        for part in parts_of(settings.selections)
        if part.quantity.name == "nsd"
        for mm in ([part.settings["tau"]] if part.settings["tau"] is not None else _tolerances(settings))
    ]
    beyond = [float(mm) for mm in tolerated if mm is not None and float(mm) > settings.max_distance]
    if beyond:
        raise UsageError(
            f"--max-distance {settings.max_distance:g}: nsd tolerates {max(beyond):g} mm, which is beyond it; write at "
            f"least --max-distance {max(beyond):g}"
        )


def limited(surface: TargetSurface, most_mm: float) -> TargetSurface:
    """With infinite distances beyond the limit."""
    return replace(
        surface,
        to_reference=_limited(surface.to_reference, most_mm),
        to_prediction=_limited(surface.to_prediction, most_mm),
    )


def far_remarks(surfaces: Surfaces, most_mm: float) -> list[str]:
    """A sentence where some distances are beyond the limit."""
    compared = [target for target in surfaces.any_form if target.comparable]
    far = sum(int(np.isinf(side).sum()) for target in compared for side in _sides(target))
    if not far:
        return []
    total = sum(side.size for target in compared for side in _sides(target))
    return [
        f"{far} of {total} boundary elements are farther than --max-distance {most_mm:g} mm: what depends on how far "
        "is undefined, and so are means over labels that hold such a one"
    ]


def _sides(target: TargetSurface) -> Iterable[Floats]:
    return target.to_reference, target.to_prediction


def _limited(distances: Floats, most_mm: float) -> Floats:
    return np.where(distances > most_mm, np.inf, distances)


def _tolerances(settings: Settings) -> list[float]:
    return [DEFAULT_TAU_MM] if settings.tau is None else [*settings.tau.values()]
