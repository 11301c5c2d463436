"""Label maps to shapes: boundary distances and instances of whole targets. Off the hot path, and only when asked."""
