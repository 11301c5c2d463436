"""Reports for gates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import xmlschema

Segeval = Callable[..., Any]


Folders = tuple[Path, Path]


JUNIT_XSD = Path(__file__).parent / "junit.xsd"


ODD = "case_1 & <b>é"


def changed(results: Path, name: str, change: Callable[[Any], None]) -> Path:
    document = json.loads(results.read_text("utf-8"))
    change(document)
    path = results.with_name(name)
    path.write_text(json.dumps(document), "utf-8")
    return path


def junit_of(path: Path) -> ET.Element:
    """The suite of a JUnit file that its schema accepts."""
    xmlschema.XMLSchema(JUNIT_XSD).validate(path)
    (suite,) = ET.parse(path).getroot()  # noqa: S314 (segeval's own)
    return suite
