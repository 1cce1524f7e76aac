"""Tells the story on a running stack: posts each step, waits for what must come of it, and counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from datchuan.demo.audience import Audience
from datchuan.demo.deeds import DeedFailedError, Deeds
from datchuan.demo.mails import Mail
from datchuan.demo.observer import Observer
from datchuan.demo.snapshot import Snapshot
from datchuan.demo.story import BHYT_COMMUNE, BHYT_NODE, DISPATCH, OFFICE, Deed, Expectation, Step, Story
from datchuan.sending.posting import Sender
from datchuan.sending.tallies import Tally
from services.notifier.domain.route import addresses_for
from shared.catalog.catalog import Catalog

_LOOK_SECONDS = 0.2
STEP_TIMEOUT_SECONDS = 60.0


class StoryBrokenError(Exception):
    """Something that the story promises did not happen."""


@dataclass(frozen=True)
class Told:
    """What the telling came to."""

    tally: Tally
    snapshot: Snapshot


class Teller:
    """Plays the steps one after the other; every wait has a condition and a deadline."""

    def __init__(
        self, catalog: Catalog, sender: Sender, observer: Observer, deeds: Deeds, audience: Audience, pause: float
    ) -> None:
        self._catalog = catalog
        self._sender = sender
        self._observer = observer
        self._deeds = deeds
        self._audience = audience
        self._pause = pause
        self._tally = Tally()
        self._snapshot = Snapshot()
        self._shown: Mail | None = None

    async def tell(self, story: Story) -> Told:
        """Play all steps; StoryBrokenError when one does not come out as told."""
        *steps, replay = story.steps
        for step in steps:
            await self._play(step)
        before = self._snapshot
        duplicates = self._tally.duplicates
        await self._play(replay)
        repeated = self._tally.duplicates - duplicates
        if repeated != replay.data_values:
            raise StoryBrokenError(f"of {replay.data_values} values sent again only {repeated} were duplicates")
        if (before.transitions, before.alerts) != (self._snapshot.transitions, self._snapshot.alerts):
            raise StoryBrokenError("the replay changed verdicts")
        return Told(self._tally, self._snapshot)

    async def _play(self, step: Step) -> None:
        self._audience.caption(step.title_vi, step.title_en)
        started = asyncio.get_running_loop().time()
        seen = self._snapshot.mail_count
        for document in step.documents:
            self._tally += await self._sender.post_dhis2(document)
            await self._look()
        if step.expectation is not None:
            await self._meet(step, step.expectation, seen)
        if step.deed is not None:
            await self._do(step.deed)
        await self._until(self._is_settled, f"everything of {step.title_en!r} is worked off")
        await self._until(lambda: self._has_been_read(started), "the caption has been read")

    async def _meet(self, step: Step, expected: Expectation, seen: int) -> None:
        wanted = (expected.status, expected.reason)

        async def is_verdict() -> bool:
            return await self._observer.verdict(expected.unit, expected.node) == wanted

        await self._until(is_verdict, f"{expected.node} of {expected.unit} becomes {expected.reason.value}")
        address = self._address(expected.mail_to)
        name = self._catalog.unit_by_id[expected.unit].name_vi

        async def has_mail() -> bool:
            await self._look()
            return self._mail_about(seen, address, name) is not None

        await self._until(has_mail, f"a mail about {name} reaches {address}")
        mail = self._mail_about(seen, address, name)
        if step.show_mail and mail is not None:
            self._shown = mail
            self._audience.mail(mail)

    async def _do(self, deed: Deed) -> None:
        """Let somebody act; StoryBrokenError when it has not the effect that the caption tells."""
        try:
            match deed:
                case Deed.HOLD:
                    await self._see_held()
                case Deed.ACKNOWLEDGE:
                    await self._deeds.acknowledge(self._shown.text if self._shown else "", BHYT_COMMUNE, BHYT_NODE)
                case Deed.RELEASE:
                    await self._release()
        except DeedFailedError as error:
            raise StoryBrokenError(str(error)) from error
        except httpx.HTTPError as error:
            raise StoryBrokenError(f"the notifier does not answer: {error}") from error

    async def _see_held(self) -> None:
        office = self._address(OFFICE)
        if not await self._observer.waits_for_digest(office, BHYT_COMMUNE, BHYT_NODE):
            raise DeedFailedError(f"{BHYT_NODE} of {BHYT_COMMUNE} does not wait for the digest of {office}")

    async def _release(self) -> None:
        office, seen = self._address(OFFICE), self._snapshot.mail_count
        await self._deeds.release(self._snapshot.held)

        async def has_digest() -> bool:
            await self._look()
            return self._mail_about(seen, office, self._catalog.unit_by_id[BHYT_COMMUNE].name_vi) is not None

        await self._until(has_digest, f"the digest reaches {office}")

    def _address(self, unit: str) -> str:
        address = addresses_for(self._catalog, DISPATCH, unit, None)
        if address is None or not address.mail:
            raise StoryBrokenError(f"the catalog has no mail address for {unit}")
        return address.mail[0]

    def _mail_about(self, seen: int, address: str, name: str) -> Mail | None:
        fresh = self._snapshot.mails[seen:]
        return next((mail for mail in fresh if address in mail.to and name in mail.text), None)

    async def _is_settled(self) -> bool:
        await self._look()
        return self._snapshot.waiting == 0

    async def _has_been_read(self, started: float) -> bool:
        await self._look()
        return asyncio.get_running_loop().time() - started >= self._pause

    async def _look(self) -> None:
        self._snapshot = await self._observer.snapshot()
        self._audience.update(self._snapshot)

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(STEP_TIMEOUT_SECONDS):
                while True:
                    if await condition():
                        return
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise StoryBrokenError(f"waited {STEP_TIMEOUT_SECONDS:.0f} s in vain: {what}") from error
        except httpx.HTTPError as error:
            raise StoryBrokenError(f"ingest does not answer: {error}") from error
