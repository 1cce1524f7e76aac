"""`python -m services.notifier`: run the notifier as a process."""

import asyncio
import sys

from services.notifier.app import run
from services.notifier.settings import NotifierSettings
from shared.catalog.problems import CatalogError
from shared.runtime.errors import DatchuanError
from shared.runtime.log import configure_logging
from shared.runtime.settings import load


def main() -> None:
    """Read the settings and run; a mistake of the operator ends in one clear message."""
    try:
        settings = load(NotifierSettings)
        configure_logging("notifier", settings.log_level)
        asyncio.run(run(settings, asyncio.Event()))
    except (DatchuanError, CatalogError) as error:
        sys.exit(f"notifier: {error}")


if __name__ == "__main__":
    main()
