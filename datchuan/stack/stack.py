"""The whole stack on one machine: servers, mail sink and services, started in order and stopped in reverse."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from datchuan.migrations import upgrade
from datchuan.stack.environment import partitions_of, service_environment, unless_set, without_settings
from datchuan.stack.folder import Addresses, DataFolder
from datchuan.stack.ports import LOOPBACK, port_or_free
from datchuan.stack.process import ChildProcess
from datchuan.stack.readiness import wait_until_listening, wait_until_ready
from datchuan.stack.servers import Report, ServerKeeper
from datchuan.stack.supervisor import Supervisor
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.valkey import EmbeddedValkey

MODULES: Mapping[str, str] = {
    "ingest": "datchuan.ingest",
    "evaluator": "services.evaluator",
    "notifier": "services.notifier",
}
SERVICES = tuple(MODULES)
MAIL_SINK = "mailsink"
LINK_SECRET, API_TOKEN = "link_secret", "notifier_api_token"
WELL_KNOWN_PORTS: Mapping[str, int] = {"ingest": 8080, "evaluator": 8081, "notifier": 8082, MAIL_SINK: 8025}


@dataclass(frozen=True)
class StackOptions:
    """How a stack is run; `settings` are further settings of the services, by name without prefix.

    `services` are those to start; `postgres_settings` are further settings of PostgreSQL. `launcher` is what the
    interpreter is given before `-m MODULE`, for a profiler.
    """

    catalog: Path | None = None
    clock_offset_days: int = 0
    with_mail_sink: bool = True
    ports: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = SERVICES
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    start_timeout_seconds: float = 60.0


class Stack:
    """PostgreSQL, Valkey, a mail sink and the three services as child processes; use it as an async context manager."""

    def __init__(self, folder: DataFolder, options: StackOptions, report: Report) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder.postgres, settings=options.postgres_settings)
        self.valkey = EmbeddedValkey(folder.valkey)
        self.supervisor = Supervisor(report)
        self._options = options
        self.keepers = {
            "postgres": ServerKeeper("postgres", self.postgres, report),
            "valkey": ServerKeeper("valkey", self.valkey, report),
        }
        self._cleanup = AsyncExitStack()
        self._ports = {name: port_or_free(options.ports.get(name)) for name in (*SERVICES, MAIL_SINK)}
        self._urls: dict[str, str] = {}

    @property
    def addresses(self) -> Addresses:
        """Where the parts of the started stack listen."""
        options = self._options
        return Addresses(
            pid=os.getpid(),
            database_url=self._urls["postgres"],
            redis_url=self._urls["valkey"],
            ingest_url=self.url("ingest"),
            evaluator_url=self.url("evaluator"),
            notifier_url=self.url("notifier"),
            smtp_port=self._ports[MAIL_SINK] if options.with_mail_sink else None,
            clock_offset_days=options.clock_offset_days,
            catalog=str(options.catalog) if options.catalog else None,
            partitions=partitions_of(options.environment, options.settings),
        )

    @property
    def moved(self) -> dict[str, tuple[int, int]]:
        """The parts whose wanted port was taken by another program: the wanted port, and the one used instead."""
        wanted = {name: port for name, port in self._options.ports.items() if name in self._ports}
        if not self._options.with_mail_sink:
            wanted.pop(MAIL_SINK, None)
        return {name: (port, self._ports[name]) for name, port in wanted.items() if port != self._ports[name]}

    def url(self, service: str) -> str:
        """Return the base URL of a service."""
        return f"http://{LOOPBACK}:{self._ports[service]}"

    async def add_replica(self, service: str, name: str) -> None:
        """Start one more process of a service, under a name and on a port of its own, and keep it running."""
        self._ports[name] = port_or_free(None)
        await self.supervisor.add(self._service(service, name))

    async def __aenter__(self) -> "Stack":
        """Start everything in order; what was started is stopped again when a part fails."""
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop everything, the last started first."""
        await self._cleanup.aclose()

    async def _start(self) -> None:
        self._cleanup.enter_context(self.folder.reserved())
        for name, keeper in self.keepers.items():
            self._cleanup.push_async_callback(keeper.stop)
            self._urls[name] = await keeper.start()
        # Alembic runs an event loop of its own, so it gets a thread of its own.
        await asyncio.to_thread(upgrade, self._urls["postgres"])
        self._cleanup.push_async_callback(self.supervisor.stop)
        await self._start_processes()
        self.folder.announce(self.addresses)
        self._cleanup.callback(self.folder.withdraw)

    async def _start_processes(self) -> None:
        timeout = self._options.start_timeout_seconds
        if self._options.with_mail_sink:
            sink = self._mail_sink()
            await self.supervisor.add(sink)
        # The notifier first and ingest last: they are stopped in reverse, so that nothing is taken in at the end.
        services = {name: self._service(name, name) for name in reversed(self._options.services)}
        for child in services.values():
            await self.supervisor.add(child)
        async with asyncio.TaskGroup() as group:
            if self._options.with_mail_sink:
                group.create_task(wait_until_listening(sink, LOOPBACK, self._ports[MAIL_SINK], timeout))
            for name, child in services.items():
                group.create_task(wait_until_ready(child, self.url(name), timeout))

    def _mail_sink(self) -> ChildProcess:
        arguments = ["--port", str(self._ports[MAIL_SINK]), "--dir", str(self.folder.mail)]
        command = [sys.executable, "-m", "shared.embedded.mailsink", *arguments]
        environment = service_environment(self._options.environment, {})
        return ChildProcess(MAIL_SINK, command, environment, self.folder.logs / f"{MAIL_SINK}.log")

    def _notifier_settings(self) -> dict[str, str]:
        """Return what makes the links in messages and the API for programs work; what the operator has set stays."""
        settings = {
            "LINK_SECRET_FILE": str(self.folder.secret_file(LINK_SECRET)),
            "NOTIFIER_API_TOKEN_FILE": str(self.folder.secret_file(API_TOKEN)),
        }
        # Mail that leaves this machine must not ask its readers to open a page on their own.
        if self._options.with_mail_sink:
            settings["PUBLIC_URL"] = self.url("notifier")
        return unless_set(self._options.environment, settings)

    def _service(self, service: str, name: str) -> ChildProcess:
        options = self._options
        settings = {
            "DATABASE_URL": self._urls["postgres"],
            "REDIS_URL": self._urls["valkey"],
            "HOST": LOOPBACK,
            "PORT": str(self._ports[name]),
            "CLOCK_OFFSET_DAYS": str(options.clock_offset_days),
            **(self._notifier_settings() if service == "notifier" else {}),
            **options.settings,
        }
        if options.catalog is not None:
            settings["CATALOG"] = str(options.catalog)
        inherited = options.environment
        if options.with_mail_sink:
            # No part of the operator's mail settings: a password of a real server is not for the sink.
            inherited = without_settings(inherited, "SMTP_")
            settings |= {"SMTP_HOST": LOOPBACK, "SMTP_PORT": str(self._ports[MAIL_SINK])}
        environment = service_environment(inherited, settings)
        command = [sys.executable, *options.launcher, "-m", MODULES[service]]
        return ChildProcess(name, command, environment, self.folder.logs / f"{name}.log")
