"""An environment for each contender, made with venv and pip in the cache folder and kept there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_TORCH = "torch==2.13.0"  # one version for both, so that pip fetches it once
REQUIREMENTS = {
    "simpleitk": ("SimpleITK",),
    "numpy": ("numpy", "nibabel"),
    "reading": ("numpy", "isal"),
    "cc3d": ("connected-components-3d", "nibabel"),
    "distances": ("nibabel", "medpy", "surface-distance"),
    "mikan": ("mikan-rs", "SimpleITK"),
    "nnunet": (_TORCH, "nnunetv2"),
    "monai": (_TORCH, "monai", "nibabel"),
}
_VERSIONS_OF_SEGEVAL = ("segeval-cli", "numpy", "nibabel", "isal")


class NotInstallable(Exception):
    """pip could not install an environment; says why in one line."""


def peer_python(name: str, folder: Path) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing."""
    home = folder / name
    stamp = home / "installed.txt"
    wanted = "\n".join(REQUIREMENTS[name])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _install(home, REQUIREMENTS[name])
        stamp.write_text(wanted)
    return home / "bin" / "python"


def segeval_program(folder: Path) -> Path:
    """segeval as a user gets it: an ordinary installation of this checkout as it is now."""
    home = folder / "segeval"
    with tempfile.TemporaryDirectory() as name:  # setuptools would leave a build folder in the checkout
        for part in ("segeval", "pyproject.toml", "README.md", "LICENSE"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, Path(name, part))
        _install(home, (name,))
    return home / "bin" / "segeval"


def versions(python: Path, names: tuple[str, ...] = _VERSIONS_OF_SEGEVAL) -> dict[str, str]:
    """Versions of installed distributions."""
    code = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    bare = [name.partition("==")[0] for name in names]
    answer = subprocess.run([python, "-c", code, *bare], check=True, capture_output=True, encoding="utf-8")  # noqa: S603
    return {str(name): str(version) for name, version in json.loads(answer.stdout).items()}


def _install(home: Path, requirements: tuple[str, ...]) -> None:
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)  # noqa: S603
    done = subprocess.run(  # noqa: S603
        [python, "-m", "pip", "install", "--quiet", *requirements], capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstallable((errors or ["pip failed"])[-1][:200])
