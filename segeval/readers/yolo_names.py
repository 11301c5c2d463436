"""The names of YOLO's classes: `names` in a data.yaml, or the lines of a classes.txt. Class n is label n + 1.

Source: Ultralytics' docs, "Dataset YAML format"; darknet's obj.names, which labelImg and Label Studio call classes.txt.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from segeval.errors import LabelError, UnreadableFile
from segeval.files.byte_stream import read_bounded
from segeval.files.paths import is_file
from segeval.words.extras import install
from segeval.words.printable import printable, quoted, shortened

_MOST_BYTES = 1 << 20
_MOST_CLASSES = 1 << 16
_FOLDERS_UP = 3  # data/labels/val/x.txt


def names_in_yaml(path: Path, text: str) -> dict[int, str]:
    """By label, of a list or a table of classes. Raises UnreadableFile, LabelError."""
    if importlib.util.find_spec("yaml") is None:
        raise UnreadableFile(f"{path}: YAML needs PyYAML; install it with {install('coco')}")
    import yaml

    try:
        found = yaml.load(text, Loader=_loader())  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        words = " ".join(shortened(printable(str(problem)), 160).split())
        raise UnreadableFile(f"{path}: not valid YAML ({words}); correct it") from None
    listed = found.get("names") if isinstance(found, dict) else None
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    if not isinstance(listed, dict) or not listed or len(listed) > _MOST_CLASSES:
        raise UnreadableFile(f"{path}: has no `names`, a list or a table of classes, as YOLO's data.yaml has; add them")
    names: dict[int, str] = {}
    for number, name in listed.items():
        if type(number) is not int or not 0 <= number < 1 << 31 or not isinstance(name, str | int | float | bool):
            raise LabelError(f"{path}: its `names` hold {quoted(number)}: {quoted(name)}; write a number and a name")
        names[number + 1] = " ".join(printable(str(name)).split())
    return {label: shortened(name, 200) for label, name in names.items() if name}


def _loader() -> type:
    """PyYAML's, without aliases, by which a short text unfolds into a long one."""
    import yaml

    class Plain(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML need not be there where types are checked
        def compose_node(self, parent: object, index: object) -> object:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("it holds an alias")
            return super().compose_node(parent, index)

    return Plain


def names_beside(path: Path) -> tuple[dict[int, str], list[str]]:
    """Of the file of names beside a YOLO file, or in the folders above; and a remark on one that is none."""
    for folder in [path.parent, *path.parent.parents][: _FOLDERS_UP + 1]:
        for name in ("data.yaml", "data.yml", "dataset.yaml", "classes.txt"):
            if not is_file(folder / name):
                continue
            try:
                text = read_bounded(folder / name, _MOST_BYTES).decode("utf-8-sig")
                if name == "classes.txt":
                    lines = [" ".join(printable(line).split()) for line in text.splitlines()[:_MOST_CLASSES]]
                    return {number: shortened(line, 200) for number, line in enumerate(lines, start=1) if line}, []
                return names_in_yaml(folder / name, text), []
            except (UnreadableFile, LabelError, UnicodeDecodeError) as problem:
                return {}, [f"{folder / name}: its names are not used ({shortened(printable(str(problem)), 200)})"]
    return {}, []
