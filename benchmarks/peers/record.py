"""Another tool's numbers on the seeded arrays, written into tests/peer_values.json.

Run: python benchmarks/peers/record.py FRAMEWORK [FOLDER …], by an interpreter that has the tool; folders are where to
find what is not installed. What is called stands in frameworks.toml, line by line.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "tests"
LINES = HERE / "frameworks.toml"
VALUES = TESTS / "peer_values.json"


def recorded(framework: dict[str, Any]) -> dict[str, Any]:
    """The value of every line of a framework, by its call and by case."""
    sys.path.insert(0, str(TESTS))
    from peer_arrays import arrays_of, names_of

    found: dict[str, Any] = {}
    for line in framework.get("line", ()):
        if "metrics" not in line:
            continue  # told in words alone
        for case in line.get("cases", framework["cases"]):
            names: dict[str, Any] = {"np": np, **names_of(arrays_of(case))}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(framework["setup"], names)  # noqa: S102 (the repository's own text)
                value = eval(line.get("code", line["call"]), names)  # noqa: S307
            found.setdefault(line["call"], {})[case] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A number or a list of numbers, as JSON holds them."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    array = np.asarray(value.detach() if hasattr(value, "detach") else value, dtype=np.float64)
    if array.size == 1:
        number = float(array.reshape(-1)[0])
        return number if math.isfinite(number) else None
    return [plain(each) for each in array.reshape(-1).tolist()]


def main(name: str, *folders: str) -> None:
    """Record one framework."""
    sys.path[1:1] = folders
    framework = tomllib.loads(LINES.read_text(encoding="utf-8"))[name]
    values = recorded(framework)
    versions = dict(framework.get("versions", {}))
    for package in framework["packages"]:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions.setdefault(package, "from its repository")
    document = json.loads(VALUES.read_text(encoding="utf-8")) if VALUES.exists() else {}
    document[name] = {"versions": versions, "values": values}
    VALUES.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{name}: {len(values)} lines, {versions}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
