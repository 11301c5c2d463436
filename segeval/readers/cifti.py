"""CIFTI-2 files of dense labels (`.dlabel.nii`): a label for each grayordinate, a vertex of a surface or a voxel.

A NIfTI-2 whose first four axes are 1, and whose header extension says in XML what the other two are. Source: the
CIFTI-2 file format specification, and the intents of nifti1.h.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from segeval.errors import UnreadableFile
from segeval.files.hashing import new_sha256
from segeval.readers.label_tables import extensions
from segeval.words.printable import printable, shortened

_DENSE_LABELS = 3007
_XML = 32  # the code of CIFTI's extension
_MODEL = "BrainModel"
_INDICES = ("VertexIndices", "VoxelIndicesIJK")


def grayordinates_of(path: Path, intent: int, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The only axis, and two of length 1. Raises UnreadableFile for what is no single map of dense labels."""
    if intent != _DENSE_LABELS:
        raise UnreadableFile(
            f"{path}: is CIFTI of another kind (intent {intent}) than dense labels (.dlabel.nii), which alone are "
            "read; make labels of it, as by wb_command -cifti-label-import"
        )
    maps, count = dims[4], dims[5]
    if maps != 1 or len(dims) != 6:
        raise UnreadableFile(
            f"{path}: holds {maps} maps of labels; take one out, as by wb_command -cifti-merge with -column"
        )
    return count, 1, 1


def brain_models_of(path: Path, content: bytes, byte_order: Literal["<", ">"], count: int) -> str:
    """Which grayordinates the labels are of, as text that is the same for the same ones. Raises UnreadableFile.

    content: what lies between the header and the labels.
    """
    text = next((text for code, text in extensions(content, byte_order) if code == _XML), None)
    if text is None:
        raise UnreadableFile(f"{path}: is CIFTI without its XML; export it again")
    models, problem = _models(text)
    found = sum(size for _, size in models)
    if problem or found != count:
        words = problem or f"it describes {found} of {count} grayordinates"
        raise UnreadableFile(f"{path}: its CIFTI XML cannot be used ({words}); export it again")
    return ", ".join(f"{name} {size}" for name, size in models)


def _models(text: bytes) -> tuple[list[tuple[str, int]], str]:
    """Name, with a digest of its vertices or voxels, and size of each brain model; and what is wrong."""
    from xml.parsers import expat

    models: list[tuple[str, int]] = []
    words: list[str] = []
    digest = new_sha256()
    parser = expat.ParserCreate()

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal digest
        words.clear()
        if element == _MODEL:
            digest = new_sha256(attributes.get("SurfaceNumberOfVertices", "").encode())
            name = attributes.get("BrainStructure", "").removeprefix("CIFTI_STRUCTURE_")
            models.append((shortened(printable(name), 60), int(attributes.get("IndexCount", ""))))

    def end(element: str) -> None:
        if element in _INDICES:
            digest.update(" ".join("".join(words).split()).encode())
        if element == _MODEL:
            name, size = models[-1]
            models[-1] = f"{name} #{digest.hexdigest()[:8]}", size

    def doctype(*_: object) -> None:
        raise ValueError("it declares entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = words.append
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError) as problem:
        return [], shortened(printable(str(problem)), 200)
    return models, ""
