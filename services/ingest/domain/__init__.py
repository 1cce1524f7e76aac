"""The pure core of ingest: what a report must look like and what it means. No IO, no clock, no framework."""
