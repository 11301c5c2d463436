"""Bytes on disk: what paths lead to, bounded, watched, hashed, inflated, written whole."""
