"""Logs: one JSON object a line on stderr, for our own events and for those of the libraries."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Libraries that talk about each message at INFO: only their warnings are worth a line.
_QUIET_LOGGERS = (
    "alembic",
    "asyncio",
    "datchuan.faststream",
    "httpx",
    "httpcore",
    "sqlalchemy",
    "uvicorn",
    "aiosmtplib",
)


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's logging to stderr as JSON lines that name the service."""

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=()), *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
