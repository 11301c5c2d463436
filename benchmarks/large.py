"""One pair of large label volumes in Zarr: segeval by one process and by two, and pandas chunk by chunk.

Run: python benchmarks/large.py [--side 2048] [--filled 0.1] [--folder FOLDER]
The volumes are uint64 with ids up to 2^40, of which only some chunks are stored; the rest is background, as in sparse
segmentations of cells and neurites. All contenders run in turn; each counts the pairs of ids (``--metrics partition``),
and segeval finds components, too (``--metrics instance_tp``).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import zarr

_CHUNK = 128
_CELL = 16  # voxels along each side of a body
_say = partial(print, flush=True)

PEER = """
import sys
import numpy as np, pandas, zarr
a, b = (zarr.open_array(path, mode="r") for path in sys.argv[1:])
n = a.chunks[0]
found = []
for z in range(0, a.shape[0], n):
    for y in range(0, a.shape[1], n):
        for x in range(0, a.shape[2], n):
            box = np.s_[z : z + n, y : y + n, x : x + n]
            pairs = pandas.DataFrame({"a": a[box].ravel(), "b": b[box].ravel()})
            found.append(pairs.groupby(["a", "b"], sort=False).size())
total = pandas.concat(found).groupby(level=[0, 1]).sum()
print(len(total), total.sum())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--filled", type=float, default=0.1, help="Share of the chunks that hold something.")
    parser.add_argument("--folder", type=Path, help="Where the volumes are written; a temporary one by default.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = [make(Path(folder) / f"{name}.zarr", options.side, options.filled, shift) for name, shift in _SIDES]
        voxels = options.side**3
        _say(
            f"{options.side}³ voxels, {options.filled:.0%} of the chunks of {_CHUNK}³ filled; {os.cpu_count()} cores\n"
        )
        _say("| work | time | nanoseconds per voxel | peak memory |\n| --- | --- | --- | --- |")
        score = [sys.executable, "-m", "segeval", "score", *files, "--metrics", "partition", "--format", "json"]
        for title, command in (
            ("segeval, 1 process", score),
            ("segeval, 2 workers", [*score, "--workers", "2"]),
            ("segeval, components, 1 process", [*score[:-4], "--metrics", "instance_tp", "--format", "json"]),
            ("pandas, chunk by chunk", [sys.executable, "-c", PEER, *files]),
        ):
            seconds, memory = timed(command)
            _say(f"| {title} | {seconds:.1f} s | {1e9 * seconds / voxels:.2f} | {memory / 1e6:.0f} MB |")


_SIDES = (("prediction", 3), ("reference", 0))


def make(path: Path, side: int, filled: float, shift: int) -> str:
    """An array whose filled chunks are cubes of ids, moved by ``shift`` voxels."""
    made = zarr.create_array(
        str(path), shape=(side,) * 3, chunks=(_CHUNK,) * 3, dtype="uint64", fill_value=0, overwrite=True
    )
    count = -(-side // _CHUNK)
    for number in np.random.default_rng(0).permutation(count**3)[: round(filled * count**3)]:
        rng = np.random.default_rng(int(number))
        cells = rng.integers(1, 1 << 40, (_CHUNK // _CELL,) * 3, dtype=np.uint64)
        block = np.kron(cells, np.ones((_CELL,) * 3, np.uint64))
        z, y, x = (_CHUNK * int(place) for place in np.unravel_index(number, (count,) * 3))
        part = made[z : z + _CHUNK, y : y + _CHUNK, x : x + _CHUNK].shape
        made[z : z + _CHUNK, y : y + _CHUNK, x : x + _CHUNK] = np.roll(block, shift, axis=1)[tuple(map(slice, part))]
    return str(path)


def timed(command: list[str]) -> tuple[float, int]:
    """Seconds, and the largest resident set of the process that adds the counts up, by `launch.py`."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        launch = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(result), os.devnull]
        subprocess.run([*launch, *command], check=True)  # noqa: S603
        code, seconds, _, peak = result.read_text().split()
    if code != "0":
        raise SystemExit(f"{command[:6]} ended with {code}")
    return float(seconds), int(peak)


if __name__ == "__main__":
    main()
