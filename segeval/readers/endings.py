"""File endings that several readers must know."""

from __future__ import annotations

PICTURE_ENDINGS = (".png", ".bmp", ".tif", ".tiff")
"""Of formats that know no millimetres."""
