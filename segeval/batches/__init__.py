"""Many cases: where they are done, what is noted of them, and the report that they make."""
