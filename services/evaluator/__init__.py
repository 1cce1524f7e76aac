"""Evaluator: consumes IndicatorReported, owns facts, verdicts and transitions, produces VerdictChanged."""
