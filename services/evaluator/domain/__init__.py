"""The pure core of the evaluator: facts, rules and the incremental engine. No IO, no clock, no framework."""
