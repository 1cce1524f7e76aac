"""A sender as the contract asks for: what is not acknowledged is sent again, and it remembers what was acknowledged."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx

from shared.testing.polling import until
from tests.chaos.reports import Report, ReportSource

_WORKERS = 3
_SMALLEST, _LARGEST = 5, 40
_AT_ONCE = 1_000
_PAUSE_SECONDS = 0.15
_ACKNOWLEDGED = "202"
_REFUSED = "503"
_EXPECTED = frozenset({_ACKNOWLEDGED, _REFUSED})


class ReportSender:
    """Posts reports over a few connections for as long as it goes, whatever the other side does."""

    def __init__(self, url: str, token: str, source: ReportSource, reports_per_second: float) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=15, trust_env=False)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._source = source
        self._pause = _WORKERS * (_SMALLEST + _LARGEST) / 2 / reports_per_second
        self._going = asyncio.Event()
        self._in_flight = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.acknowledged: dict[str, Report] = {}
        self.answers: Counter[str] = Counter()
        self.taken_twice = 0
        self.set_aside = 0

    @property
    def wrong_answers(self) -> dict[str, int]:
        """Answers that no fault excuses: neither 202, nor 503 with Retry-After, nor a broken connection."""
        return {kind: n for kind, n in self.answers.items() if kind[0].isdigit() and kind not in _EXPECTED}

    async def start(self) -> None:
        """Give every cell its first report, then begin to post."""
        await self._deliver(self._source.take(self._source.first_reports))
        self._tasks = [asyncio.create_task(self._work(number), name=f"sender {number}") for number in range(_WORKERS)]
        self._going.set()

    async def stop(self) -> None:
        """End the posting for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def pause(self) -> None:
        """Send nothing new; return when everything sent is acknowledged."""
        self._going.clear()
        await until(lambda: not self._in_flight, timeout=60, what="everything sent is acknowledged")

    def resume(self) -> None:
        """Go on posting."""
        self._going.set()

    async def has_posted(self, count: int) -> None:
        """Return when so many more reports are acknowledged."""
        goal = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= goal, timeout=30, what=f"{count} more reports are taken")

    async def post_at_once(self, count: int) -> None:
        """Post so many new reports as fast as they are taken, whatever the pace of the others."""
        for part in _parts(self._source.take_mostly_good(count), _AT_ONCE):
            await self._deliver(part)

    async def repost_everything(self) -> None:
        """Post all that was ever acknowledged again: each is a duplicate, or the other side has lost it."""
        for part in _parts(list(self.acknowledged.values()), _AT_ONCE):
            self.taken_twice += await self._deliver(part)

    async def _work(self, number: int) -> None:
        size = _SMALLEST + number
        while True:
            await self._going.wait()
            size = _SMALLEST + (size * 7 + 3) % (_LARGEST - _SMALLEST + 1)
            self._in_flight += 1
            await self._deliver(self._source.take(size))
            self._in_flight -= 1
            await asyncio.sleep(self._pause)  # the pace of the load

    async def _deliver(self, reports: Sequence[Report]) -> int:
        """Post until acknowledged; return how many were taken as new."""
        body = "\n".join(report.line() for report in reports).encode()
        while True:
            answer = await self._post(body)
            if answer is not None:
                break
            await asyncio.sleep(_PAUSE_SECONDS)  # as Retry-After asks, in the time of a test
        self.set_aside += int(answer["quarantined"])
        self.acknowledged.update((report.id, report) for report in reports)
        return int(answer["accepted"])

    async def _post(self, body: bytes) -> dict[str, int] | None:
        try:
            answer = await self._client.post("/v1/events", content=body, headers=self._headers)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            return None
        kind = str(answer.status_code)
        self.answers[f"{kind} without Retry-After" if _lacks_advice(answer) else kind] += 1
        if kind != _ACKNOWLEDGED:
            return None
        counts: dict[str, int] = answer.json()
        return counts


def _lacks_advice(answer: httpx.Response) -> bool:
    """Tell whether a sender is put off without being told until when."""
    return str(answer.status_code) == _REFUSED and not answer.headers.get("Retry-After", "").isdigit()


def _parts(reports: Sequence[Report], size: int) -> Iterator[Sequence[Report]]:
    for first in range(0, len(reports), size):
        yield reports[first : first + size]
