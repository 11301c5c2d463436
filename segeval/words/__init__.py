"""Text for people: one harmless line, numbers, colours."""
