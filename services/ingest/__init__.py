"""The ingest service: takes reports over HTTP, journals them, sets bad rows aside, and tells the evaluator."""
