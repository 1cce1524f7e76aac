"""How every service starts: settings, logs, an event loop, and one clear message when it cannot run."""

import asyncio
import difflib
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
import uvloop

from shared.catalog.problems import CatalogError
from shared.runtime.errors import DatchuanError
from shared.runtime.log import configure_logging
from shared.runtime.settings import PREFIX, RuntimeSettings, SettingsError, SettingsType, load

UNUSABLE, FAILED = 2, 1
# Services share one environment, so a variable is foreign only when it is nearly one of this service's own. Two true
# names that resemble each other most are SEND_TIMEOUT_SECONDS and START_TIMEOUT_SECONDS, at 0.83.
_NEARLY_THE_SAME = 0.88
_log = structlog.get_logger(__name__)


def run_service(
    name: str,
    settings_type: type[SettingsType],
    run: Callable[[SettingsType, asyncio.Event], Coroutine[Any, Any, None]],
) -> int:
    """Run a service until SIGTERM and return its exit code: 2 for unusable settings or catalog, 1 for a failure."""
    try:
        settings = load(settings_type)
        configure_logging(name, settings.log_level if isinstance(settings, RuntimeSettings) else "INFO")
        for given, meant in misspelt(settings_type, os.environ):
            _log.warning("an environment variable is not known", variable=given, perhaps_meant=meant)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, asyncio.Event()))
    except (SettingsError, CatalogError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return UNUSABLE
    except DatchuanError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return FAILED
    return 0


def misspelt(settings_type: type[SettingsType], variables: Iterable[str]) -> list[tuple[str, str]]:
    """Return the variables that no setting has but that are nearly one, each with the name it resembles.

    >>> misspelt(RuntimeSettings, ["DATCHUAN_LOG_LEVLE", "DATCHUAN_LOG_LEVEL", "DATCHUAN_SMTP_HOST", "HOME"])
    [('DATCHUAN_LOG_LEVLE', 'DATCHUAN_LOG_LEVEL')]
    """
    known = [name.upper() for name in settings_type.model_fields]
    found = []
    for variable in sorted(variables):
        name = variable.removeprefix(PREFIX).removesuffix("_FILE")
        if not variable.startswith(PREFIX) or name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=_NEARLY_THE_SAME)
        found += [(variable, PREFIX + meant) for meant in close]
    return found
