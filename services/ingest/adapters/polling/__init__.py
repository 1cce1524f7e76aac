"""Asking DHIS2 instances for what has changed: windows that overlap, one process at a time, nothing twice."""
