"""Says when an upper bound of pyproject.toml can go: python .ci/upper_bounds.py

Each is there for a reason that can be looked for. The newest release is installed beside the environment that runs
this, and looked at; where the reason is gone, this fails, so that the bound is taken away.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]

IMPORTED = (
    "import sys, typer; sys.argv = ['segeval', 'score', '--help']; from segeval.cli.app import main; main(sys.argv[1:])"
)


def typer_imports_pydantic(folder: str) -> bool:
    """Help of a command loads pydantic, which costs as long as scoring a small case; 0.28 does without."""
    code = f"{IMPORTED}; print(typer.__version__, 'pydantic' in sys.modules, file=sys.stderr)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    version, loaded = done.stderr.split()[-2:]
    sys.stdout.write(f"typer {version}: {'imports' if loaded == 'True' else 'does not import'} pydantic\n")
    return loaded == "True"


REASONS: dict[str, Callable[[str], bool]] = {"typer": typer_imports_pydantic}
"""Whether the reason is still there, of the newest release, which is in this folder."""


def bounded() -> dict[str, str]:
    """The requirements that have an upper bound, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {re.split(r"[^\w-]", one)[0]: one for one in every if re.search(r"<|==|~=", one)}


def main() -> int:
    """0 where every bound is needed."""
    gone = []
    for name, requirement in bounded().items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", folder, name]
            subprocess.run(command, check=True)  # noqa: S603
            if not REASONS[name](folder):
                gone.append(requirement)
    for requirement in gone:
        sys.stdout.write(f"{requirement}: the reason for the upper bound is gone; take it away\n")
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main())
