"""Words: parse, call one workflow function, print. Nothing here imports NumPy before a command runs."""
