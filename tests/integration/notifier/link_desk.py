"""A notifier that writes links into its messages, with the pages behind them, in one process."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.acknowledging import SqlAcknowledging
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.app import edge, grouper
from services.notifier.settings import NotifierSettings
from shared.catalog.load import SHIPPED, load_catalog
from shared.runtime.database import create_database
from shared.runtime.ops import ops_routes
from shared.runtime.settings import load
from tests.integration.notifier.office import Office

SECRET = "bí mật đủ dài để ký liên kết xác nhận"
HERE = "06208"
LEAD = "bhxh.caoloc@langson.example"


class Desk(Office):
    """A notifier that writes links into its messages, and the pages behind them."""

    def __init__(self, engine: AsyncEngine, outbox: SqlOutbox, **settings: str) -> None:
        # At once, but with the deadlines of the shipped policies: an acknowledgement has something to stop.
        shipped = load_catalog(SHIPPED)
        super().__init__(engine)
        policies = self.catalog.policies.model_copy(update={"escalation": shipped.policies.escalation})
        fields = {name: getattr(self.catalog, name) for name in type(shipped).model_fields}
        self.catalog = type(shipped)(**fields | {"policies": policies})
        super().__init__(engine, self.catalog, self.clock)
        at_once = {"group_window_seconds": "0", "group_pause_seconds": "0"}
        given = {"link_secret": SECRET, "public_url": "http://notifier"} | at_once | settings
        loaded = load(NotifierSettings, {f"DATCHUAN_{k.upper()}": v for k, v in given.items() if v})
        self.grouper = grouper(loaded, outbox, self.catalog, self.clock, ())
        silences = SqlSilences(engine, self.catalog, self.clock)
        app = edge(loaded, engine, self.catalog, self.clock, silences).application(ops_routes(CollectorRegistry(), {}))
        self.acknowledging = SqlAcknowledging(engine, self.catalog, self.clock, "cli")
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifier")

    async def link(self, address: str = LEAD) -> str | None:
        """Group what is due; return the link in the newest message to an address."""
        while await self.grouper.group_due():
            pass
        bodies = await self.rows(
            "SELECT body FROM notifier.delivery WHERE address = :address ORDER BY created_at DESC LIMIT 1",
            address=address,
        )
        found = re.search(r"http://notifier\S*/ack/\S+", bodies[0][0])
        return found[0] if found else None

    async def state(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT alert_id, state, acknowledged_by FROM notifier.course ORDER BY alert_id")

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]


@asynccontextmanager
async def open_desk(database_url: str) -> AsyncIterator[Desk]:
    """Give a desk on a database."""
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test")
    desk = Desk(engine, Office(engine).outbox)
    async with desk.client:
        yield desk
    await engine.dispose()


def said(answer: httpx.Response) -> str:
    """Return the text of a page without its tags."""
    body = answer.text.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
