"""What a quantity is: a formula over counts or sums, and the facts about it that everything else reads."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Literal, TypedDict, Unpack

from msgspec import Struct
from numpy.typing import NDArray

from segeval.choices import EVERY_GROUP, GROUPS
from segeval.results.columns import Direction, direction_of
from segeval.tallies.power_sums import PowerSum

Setting = float | bool | str | None
RecordName = Literal[
    "counts",
    "sums",
    "histogram",
    "surfaces",
    "instances",
    "lesions",
    "profile",
    "partition",
    "maps",
    "topology",
    "shapes",
    "detections",
]
"""Counts, SoftSums, ProbabilityHistogram, Surfaces, Instances, those of a lesion-wise protocol, Profile, Partition,
Maps, Topology, Shapes, and the Cases of each target, None for the background."""
OF_TALLIES: frozenset[RecordName] = frozenset({"counts", "sums", "histogram", "partition", "detections"})
"""The records that follow from a tally, which adds over cases; every other is measured in a case, and pooled rows have
none."""


class Quantity(Struct, frozen=True):
    """One row of the definitions page.

    name: the name in Python, on the command line, in CSV and JSON.
    group: under which heading it stands, and what ``--metrics`` may name it by.
    record: what it is a function of.
    formula: ``f(record, **settings)`` gives one value per target, NaN where undefined.
    over_all: the same for the labels taken together, from the record of all classes, background first; None where
        the row ``all`` does not have the quantity.
    without_label_map: ``all`` has it even where there is no single label map (independent or overlapping channels).
    settings: keyword and default; a default None is derived from the data.
    best, worst: the ends of its scale where it has a direction; worst may be infinite.
    is_count: an integer that is 0 rather than undefined where no voxel was evaluated.
    fills_empty: ``--empty`` replaces its undefined values for a label that is absent from both volumes.
    needs_every_value: its ``mean`` is undefined while a label that occurs in the reference has no value.
    synonyms: what people call it, and what to write instead; made by `also`.
    title: a short one for tables that people read. main: whether it is among the first that they look for.
    power_sum: what more than the nine sums is summed for it over a probability map, under these settings.
    of_all_alone: the row ``all`` has it and no other; its formula is ``over_all``.
    """

    name: str
    group: str
    record: RecordName
    formula: Callable[..., NDArray[Any]]
    over_all: Callable[..., float] | None
    without_label_map: bool
    settings: Mapping[str, Setting]
    text: str
    undefined: str
    source: str
    best: float | None
    worst: float | None
    is_count: bool
    fills_empty: bool
    needs_every_value: bool
    synonyms: Mapping[str, str]
    title: str
    main: bool
    power_sum: Callable[[Mapping[str, Any]], PowerSum | None] | None
    of_all_alone: bool

    @property
    def direction(self) -> Direction:
        """Which values are better."""
        return direction_of(self.best, self.worst)

    @property
    def may_be_filled(self) -> bool:
        """Whether it may be undefined for a label that both volumes lack, and so takes ``empty``."""
        return not (self.is_count or self.of_all_alone)


FILES: Mapping[str, tuple[str, ...]] = {
    "overlap": ("metrics",),
    "losses": ("losses",),
    "more_losses": ("more_losses",),
    "rates": ("rates", "reliability"),
    "map_losses": ("map_losses",),
    "surface": ("surface",),
    "instances": ("instance",),
    "instance_surface": ("instance",),
    "lesionwise": ("lesionwise",),
    "calibration": ("calibration",),
    "profile": ("profile",),
    "partition": ("partitions",),
    "topology": ("topology",),
    "shape": ("shape",),
    "detection": ("detection", "lesions_found"),
    "detection_maps": ("candidates",),
}
"""The files of this room that register a group's quantities, in the order of every output."""


class _Quantities(Mapping[str, Quantity]):
    """Every quantity by name, in the order of every output.

    A group's files are imported when it is asked for, or a name that no group before it has: most starts need two.
    """

    def __init__(self) -> None:
        self._found: dict[str, Quantity] = {}

    def register(self, quantity: Quantity) -> None:
        """Told by the quantity's file, whoever imports it."""
        self._found[quantity.name] = quantity

    def of(self, group: str) -> list[Quantity]:
        """A group's."""
        modules = [import_module(f"{__package__}.{file}").__name__ for file in FILES[group]]
        found = [quantity for quantity in self._found.values() if quantity.group == group]
        return sorted(found, key=lambda quantity: modules.index(quantity.formula.__module__))

    def __getitem__(self, name: str) -> Quantity:
        if name not in self._found:
            next((group for group in GROUPS if any(quantity.name == name for quantity in self.of(group))), None)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return (quantity.name for group in GROUPS for quantity in self.of(group))

    def __len__(self) -> int:
        return sum(len(self.of(group)) for group in GROUPS)


QUANTITIES = _Quantities()


def of_group(name: str) -> list[Quantity] | None:
    """The quantities of a group, or of ``all`` but those of detection maps; None where there is no such group."""
    if name == EVERY_GROUP:
        return [quantity for quantity in all_quantities() if quantity.group != GROUPS[-1]]
    return QUANTITIES.of(name) if name in GROUPS else None


def all_quantities() -> list[Quantity]:
    """Every quantity, in the order of every output."""
    return list(QUANTITIES.values())


def also(words: str, *, mean: str = "", over_all: str = "", complement: str = "", **answers: str) -> Mapping[str, str]:
    """What people call a quantity, and what to write instead; in an answer stand ``{name}`` and ``{word}``.

    words: whose answer is the quantity's name. mean, over_all: words for its value in the rows ``mean`` and ``all``.
    complement: words for 1 minus it. answers: of words that need one of their own, like ``hd99="hd:p=99"``.
    """
    groups = {
        words: "{name}",
        mean: "{name}, in the row mean",
        over_all: "{name}, in the row all",
        complement: "{name} ({word} is 1 − {name})",
    }
    return {word: answer for text, answer in groups.items() for word in text.split()} | answers


class Facts(TypedDict, total=False):
    """What a decorator may say of its quantity; what it leaves out is as in ``_UNSAID``."""

    undefined: str
    source: str
    best: float | None
    worst: float | None
    over_all: Callable[..., float] | None
    without_label_map: bool
    is_count: bool
    fills_empty: bool
    needs_every_value: bool
    synonyms: Mapping[str, str]
    title: str
    main: bool
    power_sum: Callable[[Mapping[str, Any]], PowerSum | None] | None
    of_all_alone: bool


_UNSAID = Facts(
    undefined="",
    source="",
    best=None,
    worst=None,
    over_all=None,
    without_label_map=False,
    is_count=False,
    fills_empty=False,
    needs_every_value=False,
    main=False,
    power_sum=None,
    of_all_alone=False,
)

Formula = Callable[..., NDArray[Any]]


def metric(text: str, *, group: str = "overlap", **facts: Unpack[Facts]) -> Callable[[Formula], Formula]:
    """Register a function of Counts; ``text`` is its formula in words."""
    return _registering(group, "counts", text, facts)


def loss(text: str, *, group: str = "losses", **facts: Unpack[Facts]) -> Callable[[Formula], Formula]:
    """Register a function of SoftSums as a loss, best at 0; ``text`` is its formula in words."""
    return _registering(group, "sums", text, {"best": 0.0, "worst": math.inf, **facts})


def measure(group: str, record: RecordName, text: str, **facts: Unpack[Facts]) -> Callable[[Formula], Formula]:
    """Register a function of another record; ``text`` is its formula in words."""
    return _registering(group, record, text, {"without_label_map": facts.get("over_all") is not None, **facts})


def of_all(
    text: str, *, group: str = "partition", record: RecordName = "partition", **facts: Unpack[Facts]
) -> Callable[[Callable[..., float]], Callable[..., float]]:
    """Register a number for the row ``all`` alone, a function of a Partition unless it says otherwise."""

    def register(formula: Callable[..., float]) -> Callable[..., float]:
        _register(formula, group, record, text, {"over_all": formula, "of_all_alone": True, **facts})
        return formula

    return register


def _registering(group: str, record: RecordName, text: str, facts: Facts) -> Callable[[Formula], Formula]:
    def register(formula: Formula) -> Formula:
        _register(formula, group, record, text, facts)
        return formula

    return register


def _register(formula: Callable[..., Any], group: str, record: RecordName, text: str, said: Facts) -> None:
    name = formula.__name__.rstrip("_")  # `for` is a word of Python's
    parameters = inspect.signature(formula).parameters.values()
    settings = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    synonyms = {word: answer.format(name=name, word=word) for word, answer in said.get("synonyms", {}).items()}
    facts: dict[str, Any] = {"title": name, **_UNSAID, **said, "synonyms": synonyms}
    QUANTITIES.register(Quantity(name, group, record, formula, settings=settings, text=text, **facts))
