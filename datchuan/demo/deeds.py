"""What people do in the story, by the ways that they have: the link in a mail by HTTP, and an operator's release."""

import re

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.demo.observer import Observer
from services.notifier.adapters.releasing import release
from services.notifier.domain.course import CourseState

CLERK = "Cán bộ BHXH huyện Cao Lộc (mẫu)"
OPERATOR = "Người trực (mẫu)"
_LINK = re.compile(r"https?://\S+/ack/\S+")


class DeedFailedError(Exception):
    """What somebody did in the story did not have the effect that it must have."""


class Deeds:
    """Acknowledges and releases on a running stack."""

    def __init__(self, engine: AsyncEngine, observer: Observer, client: httpx.AsyncClient) -> None:
        self._engine = engine
        self._observer = observer
        self._client = client
        self.acknowledged = 0
        self.held = 0
        self.released = 0

    async def acknowledge(self, mail_text: str, unit: str, node: str) -> None:
        """Open the link of a mail, press its button, and see that the escalation stands still and the link is used."""
        link = _LINK.search(mail_text)
        if link is None:
            raise DeedFailedError("the mail has no link to acknowledge by")
        before = await self._observer.courses(unit, node)
        await self._get(link[0], "<form")
        # To look changes nothing: mail programs open links before their readers do.
        if before != await self._observer.courses(unit, node):
            raise DeedFailedError("looking at the page has changed something")
        await self._post(link[0], "Đã ghi nhận xác nhận")
        after = await self._observer.courses(unit, node)
        if not after or any(course.state is not CourseState.ACKNOWLEDGED for course in after):
            raise DeedFailedError("the alert is not acknowledged")
        if any(old.next_at is None or new.next_at == old.next_at for old, new in zip(before, after, strict=True)):
            raise DeedFailedError("its reminders and escalation go on")
        await self._post(link[0], "Mỗi liên kết chỉ dùng một lần")
        self.acknowledged += len(after)

    async def release(self, held: int) -> None:
        """Let go all that is held back; `held` is how much there is."""
        done = await release(self._engine, by=OPERATOR)
        self.held, self.released = self.held + held, self.released + done.entries
        if done.entries != held or done.still_held:
            raise DeedFailedError(f"of {held} entries that were held {done.entries} were released")

    async def _get(self, link: str, expected: str) -> None:
        _check(await self._client.get(link), expected)

    async def _post(self, link: str, expected: str) -> None:
        _check(await self._client.post(link, data={"by": CLERK}), expected)


def _check(answer: httpx.Response, expected: str) -> None:
    if answer.status_code != httpx.codes.OK or expected not in answer.text:
        raise DeedFailedError(f"the page of the link answers {answer.status_code} without {expected!r}")
