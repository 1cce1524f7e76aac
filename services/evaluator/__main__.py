"""Runs the evaluator: `python -m services.evaluator`."""

import sys

from services.evaluator.app import run
from services.evaluator.settings import EvaluatorSettings
from shared.runtime.service import run_service

if __name__ == "__main__":
    sys.exit(run_service("evaluator", EvaluatorSettings, run))
