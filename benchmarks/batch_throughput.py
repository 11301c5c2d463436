"""Is a batch of small cases bounded by reading and counting, or by starting processes?

Scores the same pairs by a loop over SimpleITK's overlap filter in one process, by a loop over segeval's own function in
one process, and by `segeval batch` with one and two workers, in turn.
Run: python benchmarks/batch_throughput.py [--cases 200] [--size 128 128 96] [--runs 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from phantoms import pair, save

_ITK = """
import sys, SimpleITK as sitk
from pathlib import Path
for p in sorted(Path(sys.argv[1]).iterdir()):
    r = Path(sys.argv[2]) / p.name
    f = sitk.LabelOverlapMeasuresImageFilter()
    f.Execute(sitk.ReadImage(str(r)), sitk.ReadImage(str(p)))
    [f.GetDiceCoefficient(label) for label in (1, 2, 3)]
"""
_LOOP = """
import sys, segeval
from pathlib import Path
for p in sorted(Path(sys.argv[1]).iterdir()):
    segeval.evaluate(p, Path(sys.argv[2]) / p.name)
"""


def main() -> None:
    """Print the median seconds of each way, and its ratio to the SimpleITK loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--size", type=int, nargs=3, default=(128, 128, 96))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, side) for side in ("predictions", "references")]
        for folder in folders:
            folder.mkdir()
        for case in range(options.cases):
            for folder, volume in zip(folders, pair(tuple(options.size), 3, case), strict=True):
                save(folder / f"case_{case:04}.nii.gz", volume)
        batch = [sys.executable, "-m", "segeval", "batch", *map(str, folders), "--format", "csv", "--workers"]
        ways = {
            "SimpleITK loop": [sys.executable, "-c", _ITK, *map(str, folders)],
            "segeval loop": [sys.executable, "-c", _LOOP, *map(str, folders)],
            "batch, 1 worker": [*batch, "1"],
            "batch, 2 workers": [*batch, "2"],
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.runs):
            for way, command in ways.items():
                begun = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (commands of this file)
                times[way].append(time.perf_counter() - begun)
    base = statistics.median(times["SimpleITK loop"])
    for way, seconds in times.items():
        median = statistics.median(seconds)
        sys.stdout.write(
            f"{way:18} {median:7.2f} s  {median / options.cases * 1e3:6.1f} ms per case  {median / base:5.2f} ×\n"
        )


if __name__ == "__main__":
    main()
