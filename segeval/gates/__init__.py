"""The gate of `segeval check`: rules and baselines against a report."""
