"""The settings read back from what a report's JSON holds of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from msgspec import convert
from msgspec.structs import asdict, replace

from segeval.errors import UsageError
from segeval.settings.array_choice import key_choice, level_choice
from segeval.settings.documents import KeptProtocol
from segeval.settings.label_distances import label_distances_of
from segeval.settings.labels import UNNAMED_BACKGROUND, label_choice, weighable
from segeval.settings.palettes import colours_of_document
from segeval.settings.protocols import Protocol
from segeval.settings.settings import Settings, declared
from segeval.settings.typed import typed
from segeval.settings.volume_choice import volume_choice
from segeval.settings.words import missed_mm
from segeval.tallies.instances import InstanceOptions
from segeval.targets import LabelChoice, TargetKey

Document = Mapping[str, Any]


def settings_of_document(document: Document, names: Mapping[int, str] | None = None) -> Settings:
    """The settings whose ``document()`` this is.

    names: of labels, which the rows bear and the document does not; tolerances of nsd by a name that is not told are
    left out, and so are class weights where any name is told, and those of values that the rows are not of.
    Raises UsageError for what is no such document.
    """
    try:
        fields: dict[str, Any] = {}
        kinds = get_type_hints(Settings)
        for name in declared():
            read = _READ.get(name)
            if read is not None:
                fields[name] = read(document)
            elif name in document:
                fields[name] = typed(name, document[name], kinds[name])
        labels: LabelChoice = fields["labels"]
        fields["labels"] = replace(labels, names=names or {}, colours=colours_of_document(document))
        known = {"*", UNNAMED_BACKGROUND, *(names or {}).values(), *(region.name for region in labels.regions)}
        if any(isinstance(target, str) and target not in known for target in fields["tau"] or ()):
            fields["tau"] = None
        weights = fields["class_weights"]
        if weights and labels.values is not None:
            weights = {key: weight for key, weight in weights.items() if weighable(key, labels)}
        if weights and names:
            weights = {key: weight for key, weight in weights.items() if isinstance(key, int) or key in known}
        fields["class_weights"] = weights
        settings = Settings(**fields)
        _ = settings.selections
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UsageError(f"the settings of the report are damaged ({problem!r}); score again") from None
    return settings


def _labels(document: Document) -> LabelChoice:
    values = document["labels"]
    listed = None if values == "auto" else values
    return label_choice(listed, document["regions"], document["ignore_label"], document["background"])


def _numbers(given: Mapping[str, float] | None) -> dict[TargetKey, float] | None:
    """By label or region."""
    return None if given is None else {_target(key): float(number) for key, number in given.items()}


def _target(key: str) -> TargetKey:
    """No region is called by an integer."""
    try:
        return int(key)
    except ValueError:
        return key


def _protocol(given: Mapping[str, Any] | None) -> Protocol | None:
    """What a report keeps of it."""
    if given is None:
        return None
    kept = asdict(convert(given, KeptProtocol))
    return Protocol(year=0, source="", decides="", options={}, **kept)


_READ: Mapping[str, Callable[[Document], Any]] = {
    "labels": _labels,
    "metrics": lambda document: ",".join(document["metrics"]),
    "class_weights": lambda document: _numbers(document["class_weights"]),
    "protocol": lambda document: _protocol(document.get("protocol")),
    "label_distances": lambda document: label_distances_of(document.get("label_distances")),
    "tau": lambda document: _numbers(document.get("tau")),
    "kind": lambda document: None if document["kind"] == "auto" else document["kind"],
    "volume": lambda document: volume_choice(document.get("volume")),
    "key": lambda document: key_choice(document.get("key")),
    "level": lambda document: level_choice(document.get("level")),
    "missed": lambda document: missed_mm(document["missed"]),
    "instances": lambda document: convert(document["instances"], InstanceOptions),
    "backend": lambda document: document["backend"] if document["backend"] in ("numpy", "cupy", "auto") else "numpy",
}
"""Of the fields that stand otherwise in the document; a merged report names several backends."""
