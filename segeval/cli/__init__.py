"""Words: parse, call one function, print. Nothing here imports NumPy before a command runs."""
