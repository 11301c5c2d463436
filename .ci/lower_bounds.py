"""The lower bounds of pyproject.toml, for pip: constraints that pin them, and the test tools that go with them.

python .ci/lower_bounds.py constraints   one `name==lowest` per dependency of the package itself
python .ci/lower_bounds.py tools         the dev extra without the package's own dependencies, whose bounds it may raise
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name_of(requirement: str) -> str:
    """``SimpleITK>=2.3`` as ``simpleitk``."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()


def lowest(requirement: str) -> str:
    """``filelock>=3.12,<4`` as ``filelock==3.12``."""
    found = re.search(r">=\s*([0-9][0-9.]*)", requirement)
    if found is None:
        raise SystemExit(f"{requirement}: has no lower bound")
    return f"{name_of(requirement)}=={found[1]}"


own = PROJECT["dependencies"]
if sys.argv[1:] == ["constraints"]:
    lines = [lowest(requirement) for requirement in own]
elif sys.argv[1:] == ["tools"]:
    names = {name_of(requirement) for requirement in own}
    lines = [
        requirement for requirement in PROJECT["optional-dependencies"]["dev"] if name_of(requirement) not in names
    ]
else:
    raise SystemExit(__doc__)
sys.stdout.write("\n".join(lines) + "\n")
