"""What the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import Tree, write_tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Empty files in a folder: ``tree("predictions", "a.nii.gz", "b/c.nii.gz")``."""
    return lambda name, *files: write_tree(tmp_path / name, files)
