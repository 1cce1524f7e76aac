"""The application that the runtime's tests run."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from shared.testing.numbers import Application, build


@pytest.fixture
async def application(database_url: str, redis_url: str) -> AsyncIterator[Application]:
    """The application against a fresh database and an empty Valkey."""
    async with AsyncExitStack() as stack:
        yield await build(stack, database_url, redis_url)
