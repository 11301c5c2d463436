"""File endings that several readers must know."""

from __future__ import annotations

PICTURE_ENDINGS = (".png", ".bmp")
"""Of formats that know no millimetres."""
YOLO_ENDINGS = (".txt",)
"""Of texts, most of which are something else."""
TIFF_ENDINGS = (".tif", ".tiff")
"""Of one that may."""
