"""Reports read back from files, and put together."""
