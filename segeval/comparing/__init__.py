"""Report against report: paired differences, and ranks."""
