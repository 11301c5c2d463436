"""What is evaluated: labels, named unions of labels (regions), and the user's choice among them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from segeval.errors import UsageError

BACKGROUND = 0

TargetKey = int | str
"""A label's value, or a region's name."""


class Region(Struct, frozen=True):
    """A named union of label values, evaluated like a label; ``labels`` None means every non-zero label."""

    name: str
    labels: frozenset[int] | None

    def __post_init__(self) -> None:
        if self.name in ("mean", "all") or _looks_like_an_integer(self.name) or not self.name.strip():
            raise UsageError(
                f"a region cannot be called {self.name!r}: 'mean', 'all' and integers name other rows; "
                "choose another name"
            )
        if self.labels is not None and not self.labels:
            raise UsageError(f"region {self.name!r} names no label; write NAME=1+2 or NAME=*")

    def covers(self, members: frozenset[int]) -> bool:
        """Whether a voxel that belongs to these labels lies in the region."""
        if self.labels is None:
            return bool(members - {BACKGROUND})
        return bool(members & self.labels)

    def __str__(self) -> str:
        members = "*" if self.labels is None else "+".join(str(v) for v in sorted(self.labels))
        return f"{self.name}={members}"


class LabelChoice(Struct, frozen=True):
    """Which labels and regions to evaluate.

    values: the evaluated non-zero labels, ascending; None means every non-zero label present in either volume.
    names: a name per label value, for the rows.
    regions: rows beside the labels' own, in the order given.
    ignore: the reference value whose voxels are not evaluated.
    background: give label 0 a row of its own.
    regions_only: report no label rows; ``mean`` runs over the regions (nnU-Net's region-based training).
    from_file: the values (or regions) come from a label file, whose entries then also name the channels of a
        probability map.
    numbered_here: the names are classes of folders of masks, whose numbers no file knows.
    colours: the labels of each ``#rrggbb`` that the file states, in its order. by_colour: it states them in place of
        values, so that pictures are read by colour. miscoloured: what is wrong with the first colour that is none.
    """

    values: tuple[int, ...] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    ignore: int | None = None
    background: bool = False
    regions_only: bool = False
    from_file: bool = False
    numbered_here: bool = False
    colours: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_colour: bool = False
    miscoloured: str = ""

    def __post_init__(self) -> None:
        seen = set(self.names.values())
        for region in self.regions:
            if region.name in seen:
                raise UsageError(f"the name {region.name!r} is given twice; give each region a name of its own")
            seen.add(region.name)

    @classmethod
    def of(cls, values: tuple[int, ...] | None, names: Mapping[int, str] | None = None) -> LabelChoice:
        """The choice of exactly these label values; a 0 among them asks for the background's row."""
        if values is None:
            return cls(names=names or {})
        return cls(
            values=tuple(sorted(set(values) - {BACKGROUND})),
            names=names or {},
            background=BACKGROUND in values,
        )

    def with_classes(self, names: Mapping[int, str]) -> LabelChoice:
        """The same choice with names that classes of folders of masks have, by the numbers that they got here."""
        return replace(self, names=names, numbered_here=True)

    def with_options(
        self, regions: tuple[Region, ...] = (), ignore: int | None = None, background: bool = False
    ) -> LabelChoice:
        """The same choice with what the command line adds to it."""
        chosen = replace(
            self,
            regions=self.regions + regions,
            ignore=self.ignore if ignore is None else ignore,
            background=self.background or background,
        )
        if chosen.ignore is not None and chosen.values is not None and chosen.ignore in chosen.values:
            return replace(chosen, values=tuple(v for v in chosen.values if v != chosen.ignore))
        return chosen


def parse_region(text: str) -> Region:
    """``whole_tumor=1+2+3`` or ``foreground=*`` as a region. Raises UsageError."""
    name, separator, members = text.partition("=")
    if not separator:
        raise UsageError(f"--region {text!r}: write NAME=1+2+3 or NAME=*")
    return region_of(name, members)


def region_of(name: str, members: str) -> Region:
    """The region of this name and of ``1+2+3`` or ``*``. Raises UsageError."""
    if members.strip() == "*":
        return Region(name.strip(), None)
    try:
        return Region(name.strip(), frozenset(int(part) for part in members.split("+")))
    except ValueError:
        text = f"{name}={members}"
        raise UsageError(f"--region {text!r}: {members!r} is not a sum of label values like 1+2+3") from None


def _looks_like_an_integer(name: str) -> bool:
    try:
        int(name)
    except ValueError:
        return False
    return True
