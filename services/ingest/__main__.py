"""Runs the ingest service: `python -m services.ingest`."""

import sys

from services.ingest.app import run
from services.ingest.settings import IngestSettings
from shared.runtime.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("ingest", IngestSettings, run))
