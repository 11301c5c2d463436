"""The version, alone in its file so that packaging and signatures read one place."""

__version__ = "0.1.0"
