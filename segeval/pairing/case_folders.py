"""A folder per case: KiTS (one volume in it) and TotalSegmentator (one mask per class in it)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from segeval.pairing.cases import BothSides, Cases, chosen, file_stem, label_map_or_npz
from segeval.pairing.listing import Listing, Side
from segeval.words.lists import named

_REFERENCES = frozenset(
    ["segmentation", "segmentations", "seg", "label", "labels", "mask", "masks", "reference", "gt", "ground_truth"]
)
_PREDICTIONS = frozenset(["pred", "preds", "prediction", "predictions"])
_AS_THE_FOLDER = frozenset([""])
_PREFERRED = {
    "predictions": (_PREDICTIONS, _REFERENCES, _AS_THE_FOLDER),
    "references": (_REFERENCES, _PREDICTIONS, _AS_THE_FOLDER),
}
"""Names of segmentations, of files and of folders of masks, in order of preference."""

_IMAGES = frozenset(
    [
        "imaging",
        "image",
        "img",
        "ct",
        "cta",
        "mr",
        "mri",
        "pet",
        "scan",
        "volume",
        "orig",
        "adc",
        "dwi",
        "t1",
        "t1w",
        "t1c",
        "t1ce",
        "t1gd",
        "t1n",
        "t2",
        "t2w",
        "t2f",
        "flair",
        "fla",
    ]
)
"""Names of what was segmented: never a case."""


class _Folder(Struct):
    """One case's folder: by role, the volumes in it, and the volumes in each of its folders."""

    name: str
    files: dict[str, list[str]] = field(default_factory=dict)
    inner: dict[str, list[str]] = field(default_factory=dict)

    @property
    def segmentations(self) -> dict[str, list[str]]:
        """The volumes in it that are not named as images."""
        return {role: files for role, files in self.files.items() if role not in _IMAGES}

    @property
    def images(self) -> list[str]:
        return sorted(file for role, files in self.files.items() if role in _IMAGES for file in files)

    def preferred(self, side: Side) -> list[str]:
        """The files, else the folder of masks, with the name of a segmentation; empty where there is none."""
        for names in _PREFERRED[side]:
            if found := [file for role in sorted(names & self.files.keys()) for file in self.files[role]]:
                return found
            if found := sorted(f"{self.name}/{inner}" for inner in self.inner if inner.lower() in names):
                return found
        return []


_Folders = dict[str, _Folder]
_Classes = dict[str, set[str]]  # the folders in which a class occurs


def by_folder(predictions: Listing, references: Listing, probabilities: bool) -> BothSides:
    """The folder's name is the case: ``case_00000/segmentation.nii.gz``, ``s0011/segmentations/liver.nii.gz``.

    A file beside the folders is the case of its stem, so that ``case_00000.nii.gz`` pairs with a folder.
    """
    ours, theirs = _folders(predictions, probabilities), _folders(references, False)
    classes = _classes(predictions.side, ours)
    for name, folders in _classes(references.side, theirs).items():
        classes.setdefault(name, set()).update(folders)
    return _cases(predictions, ours, classes, probabilities), _cases(references, theirs, classes, False)


def _folders(listing: Listing, prefer_npz: bool) -> _Folders:
    folders: _Folders = {}
    for file in listing.files:
        name, *rest = file.split("/")
        if not rest:
            continue
        folder = folders.setdefault(name, _Folder(name))
        if len(rest) == 1:
            folder.files.setdefault(_role(file_stem(file), name), []).append(file)
        elif len(rest) == 2:
            folder.inner.setdefault(rest[0], []).append(file)
    for folder in folders.values():
        folder.files = {role: label_map_or_npz(files, prefer_npz) for role, files in folder.files.items()}
    return folders


def _role(name: str, folder: str) -> str:
    """What a file is within its case: its name in lower case, without the name of the folder."""
    role = name.removeprefix(folder)
    if role == name:
        role = name.removesuffix(folder)
    return role.strip("-_. ").lower()


def _classes(side: Side, folders: _Folders) -> _Classes:
    """The classes of the folders that hold several volumes, or a folder of masks."""
    found: _Classes = {}
    for folder in folders.values():
        names: list[str] = []
        preferred = folder.preferred(side)
        if not preferred and len(folder.segmentations) > 1:
            names += folder.segmentations
        for path in preferred:
            inner = path.removeprefix(f"{folder.name}/")
            names += [file_stem(file).lower() for file in folder.inner.get(inner, [])]
        for name in names:
            found.setdefault(name, set()).add(folder.name)
    return found


def _cases(listing: Listing, folders: _Folders, classes: _Classes, prefer_npz: bool) -> Cases:
    cases = Cases()
    for file in listing.top:
        cases.add(file_stem(file), file)
    cases = chosen(cases, prefer_npz)
    of_classes: list[_Folder] = []
    for folder in folders.values():
        if preferred := folder.preferred(listing.side):
            for path in preferred:
                cases.add(folder.name, path)
        elif len(folder.segmentations) > 1 or folder.segmentations.keys() & classes.keys():
            of_classes.append(folder)
        else:
            for files in folder.segmentations.values():
                for file in files:
                    cases.add(folder.name, file)
    for folder in _understood(listing, of_classes, classes, cases):
        cases.add(folder.name, folder.name)
    return cases


def _understood(listing: Listing, folders: list[_Folder], classes: _Classes, cases: Cases) -> Iterator[_Folder]:
    """The folders that do hold one mask per class; of the others ``cases`` gets a sentence."""
    shared = any(len(classes.get(name, ())) > 1 for folder in folders for name in folder.segmentations)
    if len(folders) > 1 and not shared:
        some = named(sorted(folder.name for folder in folders), 3)
        cases.give_up(
            f"{some}: these folders of {listing.root} hold several volumes each and share no file name, so they are "
            "neither cases of one volume nor of one mask per class; name the cases with --case-pattern",
            sum(len(folder.segmentations) for folder in folders),
        )
        return
    for folder in folders:
        if not folder.images:
            yield folder
            continue
        masks = sorted(folder.segmentations)
        cases.give_up(
            f"{listing.root / folder.name}: holds {named(folder.images, 3)} beside {named(masks, 3)}; put the masks of "
            "the classes into a folder of their own (segmentations), or name the cases with --case-pattern",
            1,
        )
