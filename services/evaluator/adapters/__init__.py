"""The edges of the evaluator: its tables and the SQL behind its ports."""
