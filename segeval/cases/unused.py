"""Options about what files hold, where these files hold none of it: what is said of that."""

from __future__ import annotations

from pathlib import Path

from segeval.readers.containers import holds_scores
from segeval.settings import Settings
from segeval.settings.palettes import IDS, OF_LABELS
from segeval.volumes.volume import Volume


def unused_options(settings: Settings, prediction: Volume | None, reference: Volume) -> list[str]:
    """Remarks on ``--min-score``, ``--palette`` and ``--drawn-on``. prediction: None where there is none."""
    if prediction is None:
        return unused_palette(settings, reference)
    found = _unused_min_score(settings, prediction) + unused_palette(settings, prediction, reference)
    if settings.drawn_on is not None and prediction.drawn_on is None and reference.drawn_on is None:
        found.append(f"{prediction.name} and {reference.name}: are no structure sets; --drawn-on changes nothing")
    return found


def _unused_min_score(settings: Settings, prediction: Volume) -> list[str]:
    """Where no format of scores is read; a reader of one tells of objects without."""
    if settings.min_score is None or holds_scores(Path(prediction.name)):
        return []
    return [f"{prediction.name}: holds no scores, as COCO's and YOLO's files may; --min-score changes nothing"]


def unused_palette(settings: Settings, *volumes: Volume) -> list[str]:
    """A remark where colours were given a meaning, and no file has any. volumes: all that were read."""
    if settings.palette is None or any(volume.coloured for volume in volumes):
        return []
    names = " and ".join(volume.name for volume in volumes)
    have = "has no colours" if len(volumes) == 1 else "have no colours"
    if settings.labels.by_colour:
        return [f"{names}: {have}, which are all that the label file states; its labels are numbered in its order"]
    rest = "changes nothing" if settings.palette in (IDS, OF_LABELS) else "names labels, and looks nothing up"
    return [f"{names}: {have}; --palette {settings.palette} {rest}"]
