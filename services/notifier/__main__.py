"""Runs the notifier: `python -m services.notifier`."""

import sys

from services.notifier.app import run
from services.notifier.settings import NotifierSettings
from shared.runtime.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("notifier", NotifierSettings, run))
