"""Every choice of a user in one record, each declared with the option that asks for it.

The declarations stand in the order of help, signature and JSON, a file for each subject, each record with what the one
below it adds: `Evaluated`, `Values`, `Distances`, `Settings`. Nothing heavy is imported here: the help of the commands
is made of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from msgspec.structs import replace

from segeval.choices import DEFAULT_GROUPS, EVERY_GROUP, BackendName, Kind
from segeval.settings import words
from segeval.settings.distances import Distances
from segeval.settings.labels import weights_by_target
from segeval.settings.option import OUTPUT, RUNNING, Group, Setting, asked, require_word
from segeval.settings.palettes import colour_table
from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.quantities import RecordName, ScoringSettings, Selection
    from segeval.readers.colours import ColourTable


class Settings(Distances, frozen=True, dict=True):
    """How to evaluate a prediction: what `Evaluated`, `Values` and `Distances` say, and

    hashed: compute the SHA-256 of both files.
    backend: where voxels are counted; the numbers are the same, so that the signature does not name it.
    """

    hashed: Annotated[
        bool,
        asked(OUTPUT, "Report the SHA-256 of both files.", name="hash", files_only=True, document=words.not_written),
    ] = False
    backend: Annotated[
        BackendName,
        asked(
            RUNNING, "Where voxels are counted: numpy; cupy, on a CUDA device; auto, there for large probability maps."
        ),
    ] = "numpy"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_word("backend", self.backend, BackendName)

    def for_nothing(self) -> "Settings":
        """The same for an empty prediction: a label map, but an empty detection map where others are such."""
        kind: Kind = "probabilities" if "detections" in self.records and self.kind != "labels" else "labels"
        return replace(self, kind=kind, activation=None, scale=None, clip=False, channels="exclusive", class_axis=None)

    @cached_property
    def colour_table(self) -> "ColourTable | None":
        """What pictures are read by."""
        return colour_table(self.palette, self.labels.colours)

    @cached_property
    def selections(self) -> "tuple[Selection, ...]":
        """The quantities, with their settings. Raises UsageError for what ``metrics`` names and nobody knows."""
        from segeval.quantities import select

        return select(self.metrics)

    def with_quantities(self, more: Sequence[str]) -> "Settings":
        """With these, too, beside those that were chosen or are the usual ones."""
        return replace(self, metrics=",".join([self.metrics or ",".join(DEFAULT_GROUPS), *more]))

    @cached_property
    def records(self) -> "frozenset[RecordName]":
        """What has to be measured for the quantities."""
        from segeval.quantities import records_needed

        return records_needed(self.selections)

    @property
    def asks_for_every_group(self) -> bool:
        """Whether ``all`` is among the quantities: nobody named those that these volumes do not have."""
        return any(item.partition(":")[0].strip() == EVERY_GROUP for item in (self.metrics or "").split(","))

    @property
    def holds_label_maps(self) -> bool:
        """Whether both label maps must be kept whole."""
        return bool(self.records & {"surfaces", "instances", "lesions", "topology", "shapes"})

    @property
    def asks_for_places(self) -> bool:
        """Whether it matters where a voxel lies: else voxels may be counted in any order."""
        return self.holds_label_maps or bool(self.records & {"profile", "maps", "detections"})

    @property
    def takes_maps_in_parts(self) -> bool:
        """Whether nothing needs a whole label map at once: instances are found slab by slab."""
        return not self.records & {"surfaces", "lesions", "topology", "shapes"}

    @property
    def scoring(self) -> "ScoringSettings":
        """The part that may change after the last voxel."""
        from segeval.quantities import ScoringSettings

        return ScoringSettings(self.selections, self.empty, weights_by_target(self.class_weights, self.labels))

    def document(self) -> dict[str, Any]:
        """The settings for the JSON output."""
        found: dict[str, Any] = {}
        for name, setting in declared().items():
            found |= {name: getattr(self, name)} if setting.document is None else setting.document(self)
        return found

    def signature(self, kind: Kind | None) -> str:
        """One line that states the version and every setting that can change a number.

        kind: what the predictions turned out to hold; None where they are of both kinds, or none was scored.
        """
        kind = kind or self.kind
        parts = [f"segeval:{__version__}", f"kind:{kind or 'auto'}"]
        for group in self._groups(kind):
            parts += [
                words.signed(self, name, setting) for name, setting in declared().items() if setting.group == group
            ]
        return "|".join(filter(None, parts))

    def _groups(self, kind: Kind | None) -> Iterator[Group]:
        """The parts of the signature that say something."""
        said: dict[Group, bool] = {
            "probabilities": kind != "labels",
            "maps": self.holds_label_maps,
            "instances": "instances" in self.records,
            "lesions": "lesions" in self.records,
        }
        return (group for group in get_args(Group) if said.get(group, True))


@cache
def declared() -> Mapping[str, Setting]:
    """The declaration of each field, in their order."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hints[name].__metadata__[0] for name in Settings.__struct_fields__}
