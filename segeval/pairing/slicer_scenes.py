"""A folder per case, as 3D Slicer saves a scene: a segmentation beside volumes, models and the scene's own file."""

from __future__ import annotations

from segeval.pairing.cases import BothSides, Cases, chosen, file_stem
from segeval.pairing.listing import Listing

_SEGMENTATIONS = (".seg.nrrd", ".seg.nhdr")

_Folders = dict[str, dict[str, list[str]]]  # files by folder and stem


def by_scene(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """The path of the folder that a ``.seg.nrrd`` lies in is the case; several in one are told apart by their names.

    A file beside the folders is the case of its stem, of any format.
    """
    scenes = _scenes(predictions), _scenes(references)
    several = {folder for side in scenes for folder, files in side.items() if len(files) > 1}
    ours, theirs = (
        _cases(listing, side, several, prefer)
        for listing, side, prefer in zip((predictions, references), scenes, (probabilities, False), strict=True)
    )
    return (ours, theirs) if any(scenes) else (Cases(), Cases())


def _scenes(listing: Listing) -> _Folders:
    found: _Folders = {}
    for file in listing.files:
        folder, slash, _ = file.rpartition("/")
        if slash and file.lower().endswith(_SEGMENTATIONS):
            found.setdefault(folder, {}).setdefault(file_stem(file), []).append(file)
    return found


def _cases(listing: Listing, scenes: _Folders, several: set[str], prefer_npz: bool) -> Cases:
    cases = Cases()
    for file in listing.top:
        cases.add(file_stem(file), file)
    cases = chosen(cases, prefer_npz)
    for folder, by_stem in scenes.items():
        for name, files in by_stem.items():
            for file in files:
                cases.add(f"{folder}/{name}" if folder in several else folder, file)
    return cases
