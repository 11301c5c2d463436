"""What is counted, which adds, and what is measured: frozen records."""
