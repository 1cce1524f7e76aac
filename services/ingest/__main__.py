"""Runs the ingest service: `python -m services.ingest`."""

import asyncio
import gc
import sys

import uvloop

from services.ingest.app import build
from services.ingest.settings import IngestSettings
from shared.catalog.load import load_catalog
from shared.catalog.problems import CatalogError
from shared.runtime.errors import DatchuanError
from shared.runtime.log import configure_logging
from shared.runtime.settings import SettingsError, load


def main() -> int:
    """Run until SIGTERM; return 2 when settings or catalog cannot be used, 1 when a server is missing."""
    try:
        settings = load(IngestSettings)
        configure_logging("ingest", settings.log_level)
        application = build(settings, load_catalog(settings.catalog))
    except (SettingsError, CatalogError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _calm_garbage_collector()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(application.run(asyncio.Event()))
    except DatchuanError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _calm_garbage_collector() -> None:
    """Look for cycles rarely: what is built at start stays, and a request's rows hold none."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


if __name__ == "__main__":
    sys.exit(main())
