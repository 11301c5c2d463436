"""What a run found out, as columns: rows of values, slices of them over cases, and the JSON that holds them."""
