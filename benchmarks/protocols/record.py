"""A challenge's own numbers on the seeded cases, written into tests/protocols/NAME.json.

Run: python benchmarks/protocols/record.py NAME FOLDER, by an interpreter that has what the challenge's code imports;
the folder holds that code, which is kept apart. codes/NAME.py calls it, and names the family of cases that it is for;
its ``evaluate_all``, if there is one, gives the numbers of all these cases together, but for those ``LEFT_OUT``.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def defined(numbers: Mapping[str, Any]) -> dict[str, float | None]:
    """As JSON has them."""
    return {key: float(number) if math.isfinite(number) else None for key, number in numbers.items()}


def main(name: str, folder: str) -> None:
    """Record one challenge."""
    sys.path[:0] = [folder, str(ROOT / "tests")]
    code = importlib.import_module(f"codes.{name}")
    from protocol_cases import FAMILIES

    cases = FAMILIES[code.FAMILY]
    values = {title: defined(code.evaluate(case)) for title, case in cases.items()}
    source = tomllib.loads((ROOT / f"segeval/settings/challenges/{name}.toml").read_text(encoding="utf-8"))["source"]
    document = {"source": source, "values": values}
    if hasattr(code, "evaluate_all"):
        together = {title: case for title, case in cases.items() if title not in getattr(code, "LEFT_OUT", ())}
        numbers = defined(code.evaluate_all(list(together.values())))
        document["pooled"] = {"cases": list(together), "values": numbers}
    path = ROOT / "tests" / "protocols" / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {len(values)} cases")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
