"""The settings in words: their parts of the signature, and what the JSON holds of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from segeval.errors import UsageError
from segeval.files.paths import require_possible
from segeval.files.remote import is_remote, located
from segeval.settings.array_choice import key_text
from segeval.settings.labels import weights_by_target
from segeval.settings.volume_choice import volume_document as _volume
from segeval.settings.volume_choice import volume_text
from segeval.words.nearest import suggestion
from segeval.words.printable import shortened

if TYPE_CHECKING:
    from segeval.settings.documents import (
        DistanceSpacingWritten,
        InstancesWritten,
        KeyWritten,
        KindWritten,
        LabelsWritten,
        LevelWritten,
        MetricsWritten,
        MissedWritten,
        NothingWritten,
        ProtocolWritten,
        TauWritten,
        VolumeWritten,
        WeightsWritten,
    )
    from segeval.settings.option import Setting
    from segeval.settings.settings import Settings
    from segeval.targets import TargetKey

Document = Mapping[str, Any]


def signed(settings: Settings, name: str, setting: Setting) -> str:
    """A field's part of the signature; empty where it has none."""
    if setting.signed is not None:
        return setting.signed(settings)
    value = getattr(settings, name)
    if value is None or value is False:
        return ""
    return f"{name}:{'yes' if value is True else number(value) if isinstance(value, float) else value}"


def labels_signed(settings: Settings) -> str:
    """``labels:…``, and what else is known of them."""
    labels = settings.labels
    parts = [f"labels:{'auto' if labels.values is None else ','.join(map(str, labels.values)) or 'none'}"]
    if labels.regions:
        parts.append("regions:" + ",".join(str(region) for region in labels.regions))
    if labels.regions_only:
        parts.append("mean:regions")
    if labels.ignore is not None:
        parts.append(f"ignore:{labels.ignore}")
    return "|".join(parts)


def labels_document(settings: Settings) -> LabelsWritten:
    """The four options that it is made of."""
    labels = settings.labels
    return {
        "labels": "auto" if labels.values is None else list(labels.values),
        "regions": {r.name: "*" if r.labels is None else sorted(r.labels) for r in labels.regions},
        "ignore_label": labels.ignore,
        "background": labels.background,
    }


def quantities_signed(settings: Settings) -> str:
    """Those whose settings are not the usual ones."""
    changed = [selection.text for selection in settings.selections if ":" in selection.text or "=" in selection.text]
    return "quantities:" + ",".join(changed) if changed else ""


def metrics_text(metrics: object) -> str | None:
    """Quantities as the command line takes them; a list of such texts is these with commas. Raises UsageError."""
    if metrics is None or isinstance(metrics, str):
        return metrics
    if isinstance(metrics, (list, tuple)) and all(isinstance(text, str) for text in metrics):
        return ",".join(metrics)
    raise UsageError(
        f'metrics={shortened(repr(metrics))}: write a text, "dice,focal:gamma=3", or a list, ["dice", "focal:gamma=3"]'
    )


def metrics_document(settings: Settings) -> MetricsWritten:
    """All of them."""
    return {"metrics": [selection.text for selection in settings.selections]}


def weights_signed(settings: Settings) -> str:
    """``class_weights:0=0.2,…``; a name that is not known yet stays one."""
    weights = weights_by_target(settings.class_weights, settings.labels, strict=False)
    return "" if weights is None else f"class_weights:{_by_target(weights)}"


def weights_document(settings: Settings) -> WeightsWritten:
    """By label or region as text."""
    weights = weights_by_target(settings.class_weights, settings.labels, strict=False)
    return {"class_weights": None if weights is None else {str(k): v for k, v in _sorted(weights)}}


def _by_target(numbers: Mapping[TargetKey, float]) -> str:
    """``0=0.2,liver=5``."""
    return ",".join(f"{key}={number(value)}" for key, value in _sorted(numbers))


def _sorted(numbers: Mapping[TargetKey, float]) -> list[tuple[TargetKey, float]]:
    """Labels ascending, then names: the order of the command line changes no number."""
    return sorted(numbers.items(), key=lambda item: (isinstance(item[0], str), item[0]))


def kind_document(settings: Settings) -> KindWritten:
    """What was asked for."""
    return {"kind": settings.kind or "auto"}


def volume_signed(settings: Settings) -> str:
    """Only where one was chosen."""
    return "" if settings.volume is None else f"volume:{volume_text(settings.volume)}"


def volume_document(settings: Settings) -> VolumeWritten:
    """Only where one was chosen: most files hold one."""
    return {} if settings.volume is None else {"volume": _volume(settings.volume)}


def key_signed(settings: Settings) -> str:
    """Only where one was chosen."""
    return "" if settings.key is None else f"key:{key_text(settings.key)}"


def key_document(settings: Settings) -> KeyWritten:
    """Only where one was chosen."""
    if settings.key is None:
        return {}
    return {"key": settings.key if isinstance(settings.key, str) else list(settings.key)}


def level_signed(settings: Settings) -> str:
    """Only where one was chosen."""
    return "" if settings.level is None else f"level:{volume_text(settings.level)}"


def level_document(settings: Settings) -> LevelWritten:
    """Only where one was chosen."""
    return {} if settings.level is None else {"level": _volume(settings.level)}


def geometry_signed(settings: Settings) -> str:
    """With the tolerance, where it matters."""
    tolerance = "" if settings.geometry == "ignore" else f"@{number(settings.tolerance)}"
    return f"geometry:{settings.geometry}{tolerance}"


def distance_spacing_signed(settings: Settings) -> str:
    """Only where it is not that of the file."""
    return "" if settings.distance_spacing == "stored" else f"distance_spacing:{settings.distance_spacing}"


def distance_spacing_document(settings: Settings) -> DistanceSpacingWritten:
    """Only where it is not that of the file."""
    return {} if settings.distance_spacing == "stored" else {"distance_spacing": settings.distance_spacing}


def missed_signed(settings: Settings) -> str:
    """``missed:diagonal``."""
    return f"missed:{missed_text(settings.missed)}"


def missed_document(settings: Settings) -> MissedWritten:
    """As ``--missed`` takes it."""
    return {"missed": missed_text(settings.missed)}


def tau_signed(settings: Settings) -> str:
    """``tau:liver=5,*=1``, only where some were chosen."""
    return "" if settings.tau is None else f"tau:{_by_target(settings.tau)}"


def tau_document(settings: Settings) -> TauWritten:
    """By label, name or region as text, only where some were chosen."""
    return {} if settings.tau is None else {"tau": {str(k): v for k, v in _sorted(settings.tau)}}


def instances_document(settings: Settings) -> InstancesWritten:
    """The options that it is made of."""
    found = to_builtins(settings.instances)
    if found["by"] == "iou":
        del found["by"]
    return {"instances": found}


def volume_file(name: str) -> Callable[[str | os.PathLike[str] | None], str | None]:
    """Makes the path of an option of this name, as the user wrote it. Raises UsageError for what can be none."""

    def made(given: str | os.PathLike[str] | None) -> str | None:
        if given is None:
            return None
        require_possible(f"--{name}", Path(given))
        if is_remote(given):
            raise UsageError(f"--{name} {located(Path(given))}: is on another machine; download it")
        return os.fspath(given)

    return made


def file_signed(name: str) -> Callable[[Settings], str]:
    """``mask:brain.nii.gz``: the file's name, wherever it lies; only where there is one."""

    def signed(settings: Settings) -> str:
        path = getattr(settings, name)
        return "" if path is None else f"{name}:{Path(path).name}"

    return signed


def where_chosen(name: str) -> Callable[[Settings], Document]:
    """The field, only where it was chosen."""

    def document(settings: Settings) -> Document:
        value = getattr(settings, name)
        return {} if value is None else {name: value}

    return document


def protocol_signed(settings: Settings) -> str:
    """``protocol:kits23@1`` or ``protocol:ours@3#1f09c2e4``, only where there is one."""
    return "" if settings.protocol is None else f"protocol:{settings.protocol.signed}"


def protocol_document(settings: Settings) -> ProtocolWritten:
    """What of it the other settings do not say, only where there is one."""
    found = settings.protocol
    if found is None:
        return {}
    return {"protocol": found.document()}


def not_written(_: Settings) -> NothingWritten:
    """Of what changes no number and no row."""
    return {}


def missed_mm(given: str | float) -> float | str | None:
    """``diagonal``, ``box``, or a distance in mm, or NaN, as the settings hold it. Raises UsageError."""
    if given == "diagonal":
        return None
    if given == "box":
        return "box"
    try:
        return float(given)
    except ValueError:
        near = suggestion(str(given), ("diagonal", "box", "nan"))
        raise UsageError(f"--missed {given!r}: write diagonal, box, nan, or a distance in mm{near}") from None


def missed_text(missed: float | str | None) -> str:
    """As ``--missed`` takes it."""
    if isinstance(missed, str):
        return missed
    return "diagonal" if missed is None else "nan" if math.isnan(missed) else number(missed)


def number(value: float) -> str:
    """Short and exact: ``0.5``, ``3``, ``1e-2``."""
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.17g}" if float(f"{value:g}") != value else f"{value:g}"
    mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if float(f"{float(mantissa):g}e{exponent}") == value else repr(value)
