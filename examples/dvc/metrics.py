"""What `dvc metrics diff` compares, of a report's JSON: python metrics.py results.json metrics.json

DVC reads objects of numbers and no lists, so the means become {"liver": {"dice": 0.93, …}, …}.
"""

import json
import sys
from pathlib import Path

import segeval

nested: dict[str, dict[str, float]] = {}
for key, value in segeval.read_report(sys.argv[1]).flat().items():
    label, _, quantity = key.rpartition("/")
    nested.setdefault(label, {})[quantity] = value
Path(sys.argv[2]).write_text(json.dumps(nested, indent=1), encoding="utf-8")
