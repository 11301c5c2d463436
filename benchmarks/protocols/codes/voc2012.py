"""VOCevalseg.m, by Octave (octave-cli), on PNG files; textread is its strread today."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FAMILY = "photographs"
CLASSES = """background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person
pottedplant sheep sofa train tvmonitor""".split()  # noqa: SIM905
SCRIPT = """
pkg_warning = warning('off', 'all');
function varargout = textread(path, format)
  [names, flags] = strread(fileread(path), format);
  varargout = {names, flags};
end
addpath('%(code)s');
o.seg.imgsetpath = '%(folder)s/%%s.txt'; o.testset = 'val'; o.nclasses = 20;
o.seg.clsimgpath = '%(folder)s/y_%%s.png'; o.seg.clsrespath = '%(folder)s/%%s_%%s_%%s.png';
o.classes = strsplit('%(classes)s', ' ');
[accuracies, average] = VOCevalseg(o, 'h');
fprintf('VALUE %%.17g\\n', accuracies, average);
"""


def evaluate(_: Any) -> dict[str, float]:
    """An image by itself has no numbers."""
    return {}


def evaluate_all(cases: Sequence[Any]) -> dict[str, float]:
    """The numbers of all images."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        names = [f"image{number}" for number in range(len(cases))]
        (Path(folder) / "val.txt").write_text("".join(f"{name} 1\n" for name in names))
        for name, case in zip(names, cases, strict=True):
            Image.fromarray(case.y[..., 0]).save(Path(folder) / f"y_{name}.png")
            Image.fromarray(case.h[..., 0]).save(Path(folder) / f"h_val_{name}.png")
        script = SCRIPT % {"code": sys.path[0], "folder": folder, "classes": " ".join(CLASSES[1:])}
        run = subprocess.run(["octave-cli", "--no-gui", "--eval", script], capture_output=True, check=True, text=True)  # noqa: S603, S607
    values = [float(line.split()[1]) for line in run.stdout.splitlines() if line.startswith("VALUE")]
    return dict(zip([*CLASSES, "Average accuracy"], values, strict=True))
