"""The topology quantities: functions of skeletons and Betti numbers. The definitions are in docs/quantities.md.

Every formula gives one value per target, float64, shape (targets,): NaN where undefined; errors of Betti numbers are
integers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.arithmetic import ratio
from segeval.quantities.quantity import also, measure
from segeval.tallies.topology import REVERSED, STORED, MaskTopology, Topology

_GROUP = "topology"
_SHIT = "Shit et al. 2021"


def _shares(topology: Topology, axes: str) -> tuple[Floats, Floats]:
    """The share of each skeleton that lies in the other mask: the prediction's, the reference's."""

    def counted(mask: MaskTopology) -> tuple[int, int]:
        if axes == REVERSED:
            return mask.reversed_inside, mask.reversed_skeleton
        return mask.inside, mask.skeleton

    def share(masks: list[MaskTopology]) -> Floats:
        counts = np.array(list(map(counted, masks)), dtype=np.float64).reshape(-1, 2)
        return ratio(counts[:, 0], counts[:, 1])

    return share([t.prediction for t in topology.targets]), share([t.reference for t in topology.targets])


def _difference(topology: Topology, of: Callable[[MaskTopology], int]) -> Integers:
    return np.array([abs(of(t.prediction) - of(t.reference)) for t in topology.targets], dtype=np.int64)


@measure(
    _GROUP,
    "topology",
    "|S_P ∩ R| / |S_P|, S the skeleton",
    undefined="prediction empty, or there is no label map",
    source=_SHIT,
    best=1.0,
    worst=0.0,
    synonyms=also("tprec skeleton_precision"),
    title="topol. prec.",
)
def topology_precision(topology: Topology, *, axes: str = STORED) -> Floats:
    """The share of the prediction's skeleton that lies in the reference."""
    return _shares(topology, axes)[0]


@measure(
    _GROUP,
    "topology",
    "|S_R ∩ P| / |S_R|, S the skeleton",
    undefined="reference empty, or there is no label map",
    source=_SHIT,
    best=1.0,
    worst=0.0,
    synonyms=also("tsens topology_recall skeleton_recall"),
    title="topol. sens.",
)
def topology_sensitivity(topology: Topology, *, axes: str = STORED) -> Floats:
    """The share of the reference's skeleton that lies in the prediction."""
    return _shares(topology, axes)[1]


@measure(
    _GROUP,
    "topology",
    "2 T_prec T_sens / (T_prec + T_sens), of topology_precision and topology_sensitivity",
    undefined="both empty, or there is no label map",
    source=_SHIT,
    best=1.0,
    worst=0.0,
    synonyms=also("centerline_dice centreline_dice cl_dice_score"),
    title="clDice",
)
def cldice(topology: Topology, *, axes: str = STORED) -> Floats:
    """Centreline Dice; 0 where exactly one of the volumes has the target."""
    precision, sensitivity = _shares(topology, axes)
    return np.where(
        np.isnan(precision) & np.isnan(sensitivity),
        np.nan,
        np.nan_to_num(ratio(2 * precision * sensitivity, precision + sensitivity)),
    )


@measure(
    _GROUP,
    "topology",
    "|β0(P) − β0(R)|, β0 the connected components",
    undefined="there is no label map",
    source="Betti 1871; Clough et al. 2020",
    best=0.0,
    worst=np.inf,
    is_count=True,
    synonyms=also("betti0 b0_error betti_error_0 component_count_error"),
    title="β0 error",
)
def betti0_error(topology: Topology) -> Integers:
    """How far the number of connected components is off; an empty mask has none."""
    return _difference(topology, lambda mask: mask.betti[0])


@measure(
    _GROUP,
    "topology",
    "|β1(P) − β1(R)|, β1 the tunnels (in 2-D the holes), β0 + β2 − χ",
    undefined="there is no label map",
    source="Betti 1871; Clough et al. 2020",
    best=0.0,
    worst=np.inf,
    is_count=True,
    synonyms=also("betti1 b1_error betti_error_1"),
    title="β1 error",
)
def betti1_error(topology: Topology) -> Integers:
    """How far the number of tunnels is off, in 2-D that of holes; an empty mask has none."""
    return _difference(topology, lambda mask: mask.betti[1])


@measure(
    _GROUP,
    "topology",
    "|β2(P) − β2(R)|, β2 the cavities; 0 in 2-D",
    undefined="there is no label map",
    source="Betti 1871; Clough et al. 2020",
    best=0.0,
    worst=np.inf,
    is_count=True,
    synonyms=also("betti2 b2_error betti_error_2"),
    title="β2 error",
)
def betti2_error(topology: Topology) -> Integers:
    """How far the number of enclosed cavities is off; an empty mask has none."""
    return _difference(topology, lambda mask: mask.betti[2])


@measure(
    _GROUP,
    "topology",
    "|χ(P) − χ(R)|, χ = β0 − β1 + β2",
    undefined="there is no label map",
    source="Euler characteristic of the union of closed voxels",
    best=0.0,
    worst=np.inf,
    is_count=True,
    synonyms=also("euler_characteristic_error euler_number_error chi_error"),
    title="χ error",
)
def euler_error(topology: Topology) -> Integers:
    """How far the Euler characteristic is off; that of an empty mask is 0."""
    return _difference(topology, lambda mask: mask.euler)
