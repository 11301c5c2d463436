"""One pair: open, align, count, measure, score; and what a run was made of."""
