"""Sending reports to ingest as an outside system does: what `datchuan import` and the demo share."""
