"""`python -m services.evaluator`: run the evaluator as a process."""

import asyncio
import sys

from services.evaluator.app import run
from services.evaluator.settings import EvaluatorSettings
from shared.catalog.problems import CatalogError
from shared.runtime.errors import DatchuanError
from shared.runtime.log import configure_logging
from shared.runtime.settings import load


def main() -> None:
    """Read the settings and run; a mistake of the operator ends in one clear message and exit code 2."""
    try:
        settings = load(EvaluatorSettings)
        configure_logging("evaluator", settings.log_level)
        asyncio.run(run(settings, asyncio.Event()))
    except (DatchuanError, CatalogError) as error:
        sys.exit(f"evaluator: {error}")


if __name__ == "__main__":
    main()
