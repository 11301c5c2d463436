"""A file that is written to while it is read is an error, never a mixture of two volumes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from segeval.errors import UnreadableFile
from segeval.readers import ReadOptions, open_volume

LABELS = (np.arange(64**3).reshape(64, 64, 64) % 3).astype(np.uint8)


def content_of(name: str, array: Any) -> bytes:
    """The array as a file of this name."""
    if name.endswith(".npz"):
        target = io.BytesIO()
        np.savez(target, probabilities=np.stack([array == 0, array > 0]).astype(np.float32))
        return target.getvalue()
    if name.endswith(".mgh"):
        return bytes(nibabel.MGHImage(array, np.eye(4)).to_bytes())
    content = bytes(nibabel.Nifti1Image(array, np.eye(4)).to_bytes())
    if name.endswith(".gz"):
        import gzip

        return gzip.compress(content, 1)
    if name.endswith(".nii"):
        return content
    header = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 64 64 64\nencoding: raw\n"
    return header + b"\n" + array.tobytes(order="F")


def append(path: Path, _: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def cut(path: Path, content: bytes) -> None:
    os.truncate(path, len(content) // 2)


def overwrite(path: Path, _: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(400)
        file.write(b"\1\2\1")


def replace(path: Path, content: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)


def remove(path: Path, _: bytes) -> None:
    path.unlink()


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "four.nii", "x.mgh", "x.npz", "x.nrrd"])
@pytest.mark.parametrize("write", [append, cut, overwrite, replace, remove], ids=lambda write: write.__name__)
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    name: str, write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    array = np.stack([LABELS, LABELS], -1) if name == "four.nii" else LABELS
    content = content_of(name, array)
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9))  # long ago: the writer's time is another
    written: list[int] = []

    def writer(count: int) -> None:
        if not written:
            written.append(count)
            write(path, content)

    with pytest.raises(UnreadableFile, match="changed while it was read") as refusal:  # noqa: SIM117
        with open_volume(path, ReadOptions(on_bytes=writer, hashed=True)) as volume:
            for channel in range(volume.source.channels):
                for _ in volume.source.pieces(channel):
                    pass
            volume.finish()
            volume.digest()
    assert str(path) in str(refusal.value)
    assert written


def test_another_process_that_writes_is_noticed(nifti: Any, segeval: Any) -> None:
    """The writer begins when segeval has begun, and writes the same bytes over and over."""
    path, reference = nifti("x.nii.gz", LABELS), nifti("r.nii.gz", LABELS)
    script = (
        "import sys, pathlib\n"
        "path = pathlib.Path(sys.argv[1]); content = path.read_bytes()\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    with path.open('r+b') as file: file.write(content)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        runs = [segeval("score", path, reference, "--metrics", "dice", "--format", "json") for _ in range(20)]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    refused = [run for run in runs if run.code]
    assert refused
    for run in runs:
        if run.code:
            assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
            assert f"{path}: changed while it was read; wait" in run.err
        else:
            assert run.row(1)["dice"] == 1


def test_a_file_that_is_only_read_by_others_is_no_change(nifti: Any) -> None:
    path = nifti("x.nii.gz", LABELS)
    with open_volume(path, ReadOptions(on_bytes=lambda _: path.read_bytes() and None)) as volume:
        assert sum(piece.size for piece in volume.source.pieces(0)) == LABELS.size
        assert volume.finish() == []
