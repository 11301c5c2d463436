"""The version, alone in its file so that packaging and signatures read one place."""

__version__ = "0.1.0"
DATE = "2026-11-28"
"""Of this version, or of its last change before it is released; the manual and CITATION.cff state it."""
