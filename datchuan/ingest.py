"""Runs the ingest service with forecasts of dry runs: `python -m datchuan.ingest`.

`python -m services.ingest` is the same service without them: a service knows nothing of the others, and a forecast
needs what the evaluator judges and the notifier tells.
"""

import asyncio
import sys

from datchuan.forecasting.forecaster import Forecaster
from services.ingest.app import build, serve
from services.ingest.settings import IngestSettings
from shared.catalog.load import load_catalog
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.runtime.service import run_service

# A connection of their own: however long a forecast reads, those of the senders stay free.
_CONNECTIONS = 1


async def run(settings: IngestSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set or a signal comes."""
    catalog, clock = load_catalog(settings.catalog), SystemClock(settings.clock_offset_days)
    engine = create_database(
        settings.database_url,
        "datchuan-forecast",
        _CONNECTIONS,
        command_timeout_seconds=settings.commit_timeout_seconds,
    )
    try:
        await serve(build(settings, catalog, clock, Forecaster(engine, catalog, clock).foresee), stop)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    sys.exit(run_service("ingest", IngestSettings, run))
