"""Other services, by the library Apprise: an optional extra, loaded when a first message goes that way."""

import asyncio
import functools
import importlib
import importlib.util
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from services.notifier.domain.apprise_places import ApprisePlace
from services.notifier.domain.delivery import Delivery, Failed, Result, Sent

MISSING = "the library is not installed: pip install 'datchuan[apprise]'"
_MOST_REMEMBERED = 10_000
_SHORTEST_SECRET = 6
_WORTH_SAYING = frozenset({"WARNING", "ERROR", "CRITICAL"})


def is_installed() -> bool:
    """Return whether the library is there, without loading it."""
    return importlib.util.find_spec("apprise") is not None


class AppriseChannel:
    """Sends deliveries to the places of the catalog by its URLs, at most `connections` at a time.

    A call that takes longer than `timeout_seconds` counts as failed; what it does in its thread cannot be stopped.
    """

    def __init__(self, places: Sequence[ApprisePlace], connections: int, timeout_seconds: float) -> None:
        self._places: Mapping[str, ApprisePlace] = {place.name: place for place in places}
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="apprise")
        self._taken: OrderedDict[str, set[int]] = OrderedDict()

    async def send(self, delivery: Delivery) -> Result:
        """Send one delivery to every URL of its place; those that took it before are left out while this runs."""
        if not is_installed():
            return Failed(permanent=False, reply=MISSING, concerns_all=True)
        place = self._places.get(delivery.address)
        if place is None:
            return Failed(permanent=True, reply=f"addresses.yaml has no place {delivery.address!r}; correct it there")
        try:
            urls = [place.url] if place.url is not None else _lines(place.url_file or "")
        except OSError as error:
            return Failed(permanent=False, reply=f"the file of URLs cannot be read: {error}")
        if not urls:
            return Failed(permanent=False, reply=f"{place.url_file} holds no URL: write one a line")
        try:
            # All of them together: a delivery is never in hand for longer than its claim.
            async with asyncio.timeout(self._timeout_seconds):
                return await self._notify_all(urls, delivery)
        except TimeoutError:
            return Failed(permanent=False, reply=f"no answer within {self._timeout_seconds:g} s")

    async def close(self) -> None:
        """Take no more; calls that are running end by their own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _notify_all(self, urls: Sequence[str], delivery: Delivery) -> Result:
        taken = self._taken_by(delivery.id)
        loop = asyncio.get_running_loop()
        for number, url in enumerate(urls):
            if number not in taken:
                call = functools.partial(_call, url, delivery.subject, delivery.body)
                refusal = await loop.run_in_executor(self._threads, call)
                if refusal is not None:
                    return refusal
                taken.add(number)
        return Sent(f"taken by {len(urls)} service(s)")

    def _taken_by(self, delivery_id: str) -> set[int]:
        taken = self._taken.setdefault(delivery_id, set())
        self._taken.move_to_end(delivery_id)
        if len(self._taken) > _MOST_REMEMBERED:
            self._taken.popitem(last=False)
        return taken


def _lines(url_file: str) -> list[str]:
    lines = Path(url_file).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _call(url: str, title: str, body: str) -> Failed | None:
    """Send one message in this thread; return why it was not taken."""
    apprise = _library()
    services = apprise.Apprise()
    try:
        if not services.add(url):
            kind = url.partition("://")[0]
            return Failed(permanent=True, reply=f"Apprise cannot read the URL {kind}://…: correct addresses.yaml")
        result = services.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        if result:
            return None
        said = "; ".join(entry.message for entry in result.logs() if entry.level in _WORTH_SAYING)
        return Failed(permanent=False, reply=_without_secrets(said or "the service did not take it", url))
    except Exception as error:  # noqa: BLE001 - the code of 170 services: whatever it raises is a failed try
        return Failed(permanent=False, reply=_without_secrets(f"{type(error).__name__}: {error}", url))


@functools.cache
def _library() -> ModuleType:
    return importlib.import_module("apprise")


def _without_secrets(text: str, url: str) -> str:
    """Return a text in which nothing stands that might be a token of the URL.

    >>> _without_secrets("bad token 0123456789 of host", "slack://0123456789@host")
    'bad token … of host'
    """
    parts = {part for part in re.split(r"[/:@?&=]+", url.partition("://")[2]) if len(part) >= _SHORTEST_SECRET}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "…")
    return text
