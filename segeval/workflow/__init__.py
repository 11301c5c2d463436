"""What happens after what: one pair of files, one pair of arrays."""
