"""Two COCO files: each image of the reference is a case, and its partner is called the same, or has its number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from segeval.errors import PairingError
from segeval.pairing.records import CasePair, Pairing
from segeval.readers.coco_file import CocoFile, Picture, case_of, coco_file
from segeval.words.lists import counted_as, named

LAYOUT = "coco"


def pair_coco(predictions: Path, references: Path) -> Pairing:
    """The images of two files. Raises UnreadableFile, PairingError.

    In a list of results every image has a prediction: one that does not occur has no object. Two files that both name
    images pair by file name, else by number.
    """
    ours, theirs = coco_file(predictions), coco_file(references)
    if theirs.results:
        raise PairingError(
            f"{references}: holds detections, which name no image; give the annotations as the second file"
        )
    partners = _partners(ours, theirs)
    pairs, missing = [], []
    for case, image in _cases(theirs).items():
        reference = _place(references, image)
        if ours.results or image.id in partners:
            partner = partners.get(image.id, image)
            pairs.append(CasePair(case, _place(predictions, partner), reference))
        else:
            missing.append(CasePair(case, None, reference))
    used = {partners[image.id].id for image in theirs.images.values() if image.id in partners}
    extra = [(case_of(image), _place(predictions, image)) for image in ours.images.values() if image.id not in used]
    if not pairs or (extra and not used):
        shown = [
            named([str(image.file_name or image.id) for image in each.images.values()], 3) for each in (ours, theirs)
        ]
        raise PairingError(
            f"no image of {predictions} ({shown[0]}) is one of {references} ({shown[1]}); give files of the same images"
        )
    remarks = []
    if extra:
        have = "is of no image" if len(extra) == 1 else "are of no images"
        names = named([case for case, _ in extra])
        remarks.append(
            f"{counted_as(len(extra), 'image')} of {predictions} {have} of the reference, and not scored: {names}"
        )
    return Pairing(LAYOUT, tuple(pairs), tuple(missing), tuple(sorted(extra)), remarks=tuple(remarks))


def _partners(ours: CocoFile, theirs: CocoFile) -> dict[int | str, Picture]:
    """Of each image of the reference, by its number."""
    by_name = {image.file_name: image for image in ours.images.values() if image.file_name}
    shared = {image.id: by_name[image.file_name] for image in theirs.images.values() if image.file_name in by_name}
    if len(by_name) == len(ours.images) and shared:
        return shared
    return {number: ours.images[number] for number in theirs.images if number in ours.images}


def _cases(file: CocoFile) -> dict[str, Picture]:
    """Images by a name of their own: that of the file without its ending, with it, or the number; sorted."""
    cases = Counter(map(case_of, file.images.values()))
    names = Counter(image.file_name for image in file.images.values())
    found = {}
    for image in file.images.values():
        case = case_of(image)
        if cases[case] > 1:
            case = image.file_name if image.file_name and names[image.file_name] == 1 else str(image.id)
        found[case] = image
    return dict(sorted(found.items()))


def _place(path: Path, image: Picture) -> Path:
    return Path(f"{path}:/{image.id}")
