"""How every service starts: settings, logs, an event loop, and one clear message when it cannot run."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from shared.catalog.problems import CatalogError
from shared.runtime.errors import DatchuanError
from shared.runtime.log import configure_logging
from shared.runtime.settings import RuntimeSettings, SettingsError, SettingsType, load

UNUSABLE, FAILED = 2, 1


def run_service(
    name: str,
    settings_type: type[SettingsType],
    run: Callable[[SettingsType, asyncio.Event], Coroutine[Any, Any, None]],
) -> int:
    """Run a service until SIGTERM and return its exit code: 2 for unusable settings or catalog, 1 for a failure."""
    try:
        settings = load(settings_type)
        configure_logging(name, settings.log_level if isinstance(settings, RuntimeSettings) else "INFO")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, asyncio.Event()))
    except (SettingsError, CatalogError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE
    except DatchuanError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return FAILED
    return 0
