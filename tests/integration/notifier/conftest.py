"""Notifiers, a mail sink and the servers of one test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.runtime.broker import create_broker
from shared.runtime.database import create_database
from shared.runtime.publisher import Publisher
from shared.testing.catalogs import folder_at_once
from shared.testing.notifying import Notifiers, Post, Processes


@pytest.fixture
async def notifiers(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Notifiers]:
    """Start and kill notifiers at will; everything they need is there, nothing of it runs yet but the servers."""
    async with AsyncExitStack() as stack:
        url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
        engine = create_database(url, "test")
        stack.push_async_callback(engine.dispose)
        broker = create_broker(SecretStr(redis_url))
        stack.push_async_callback(broker.stop)
        mails = tmp_path / "mails"
        mails.mkdir()
        processes = Processes(stack, tmp_path / "processes.log")
        catalog = folder_at_once(tmp_path / "catalog")
        yield Notifiers(processes, engine, Publisher(broker), Post(processes, mails), database_url, redis_url, catalog)
