"""A read whose answer is lost on the way from Redis: its entries are read again before any later one."""

import asyncio
from urllib.parse import urlsplit

import pytest

from shared.testing.numbers import Application
from shared.testing.polling import until
from shared.testing.sockets import listening

pytestmark = pytest.mark.integration


class Line:
    """A connection to Redis that cuts off the first answer with entries after `cut` was set."""

    def __init__(self, port: int) -> None:
        self.cut = asyncio.Event()
        self._port = port

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what client and server say."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        asking = asyncio.create_task(self._pass_on(reader, to_server))
        try:
            while answer := await from_server.read(65_536):
                if self.cut.is_set() and b"__data__" in answer:
                    self.cut.clear()
                    return
                writer.write(answer)
        finally:
            asking.cancel()
            to_server.close()
            await asyncio.gather(asking, to_server.wait_closed(), return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while question := await reader.read(65_536):
            writer.write(question)


async def test_entries_of_a_lost_answer_are_handled_before_later_ones_and_soon(application: Application) -> None:
    address = urlsplit(application.redis_url)
    line = Line(address.port or 0)
    async with listening(line.talk) as port:
        direct, application.redis_url = (
            application.redis_url,
            application.redis_url.replace(f":{address.port}/", f":{port}/"),
        )
        consumer = await application.consumer(max_records=2, reclaim_idle_ms=600_000)
        await application.send(0)
        await until(lambda: application.handled([0]))
        line.cut.set()

        await application.send(*range(1, 20))

        await until(lambda: application.handled(range(20)), timeout=4, what="all messages")
        assert [number for call in application.calls for number in call] == list(range(20))
        assert not line.cut.is_set()
        await consumer.stop()
        application.redis_url = direct
