"""A challenge's own numbers on the seeded cases, written into tests/protocols/NAME.json.

Run: python benchmarks/protocols/record.py NAME FOLDER, by an interpreter that has what the challenge's code imports;
the folder holds that code, which is kept apart. codes/NAME.py calls it, and names the family of cases that it is for.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(name: str, folder: str) -> None:
    """Record one challenge."""
    sys.path[:0] = [folder, str(ROOT / "tests")]
    code = importlib.import_module(f"codes.{name}")
    from protocol_cases import FAMILIES

    values = {}
    for title, case in FAMILIES[code.FAMILY].items():
        numbers = {key: float(number) for key, number in code.evaluate(case).items()}
        values[title] = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
    source = tomllib.loads((ROOT / f"segeval/settings/challenges/{name}.toml").read_text(encoding="utf-8"))["source"]
    document = {"source": source, "values": values}
    path = ROOT / "tests" / "protocols" / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {len(values)} cases")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
