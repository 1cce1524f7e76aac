"""Requests that wait at the same time share a transaction."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.adapters.group_commit import CommitLimits, GroupCommit
from services.ingest.adapters.submission import Committed, Submission
from services.ingest.domain.errors import OverloadedError, StoreUnavailableError
from services.ingest.domain.reading import PayloadFormat, Reading
from services.ingest.domain.receipts import Receipt
from services.ingest.metrics import IngestMetrics
from shared.runtime.mailbox import Outgoing
from shared.testing.clocks import ManualClock
from shared.testing.polling import until

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
Read = Callable[..., Reading]


class FakeJournal:
    """Commits in memory, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: dict[str, Exception] = {}
        self.is_appending = False

    async def append(self, batch: Sequence[Submission]) -> Committed:
        names = [submission.content_type for submission in batch]
        self.batches.append(names)
        self.is_appending = True
        await self.gate.wait()
        self.is_appending = False
        for name in names:
            if name in self.fails:
                raise self.fails[name]
        receipts = [Receipt(accepted=len(submission.reading.good)) for submission in batch]
        return Committed(receipts, [Outgoing("s", name, b"") for name in names])


@asynccontextmanager
async def committing(journal: FakeJournal, **limits: Any) -> AsyncIterator[tuple[GroupCommit, list[Outgoing]]]:
    published: list[Outgoing] = []
    stop = asyncio.Event()
    metrics = IngestMetrics(CollectorRegistry())
    commit = GroupCommit(journal.append, published.extend, ManualClock(NOW), metrics, CommitLimits(**limits))
    running = asyncio.create_task(commit.run(stop))
    try:
        yield commit, published
    finally:
        stop.set()
        journal.gate.set()
        await running


@pytest.fixture
def submission(read: Read, an_event: Callable[..., dict[str, Any]]) -> Callable[..., Submission]:
    """Builds a request of some rows with a name."""

    def build(name: str, rows: int = 1) -> Submission:
        reading = read(*(an_event(id=f"{name}-{row}") for row in range(rows)))
        assert reading.format is PayloadFormat.NDJSON
        return Submission("hmis", name, b"", NOW, reading)

    return build


async def test_what_waits_during_a_commit_shares_the_next_one(submission: Callable[..., Submission]) -> None:
    journal = FakeJournal()
    journal.gate.clear()
    async with committing(journal) as (commit, published):
        first = asyncio.create_task(commit.submit(submission("a")))
        await until(lambda: journal.is_appending, what="the first commit")
        others = [asyncio.create_task(commit.submit(submission(name, 2))) for name in ("b", "c", "d")]
        await until(lambda: len(journal.batches) == 1 and all(not task.done() for task in others))
        journal.gate.set()
        receipts = await asyncio.gather(first, *others)

    assert journal.batches == [["a"], ["b", "c", "d"]]
    assert [receipt.accepted for receipt in receipts] == [1, 2, 2, 2]
    assert [message.message_id for message in published] == ["a", "b", "c", "d"]


async def test_a_transaction_takes_no_more_rows_than_the_limit_but_at_least_one_request(
    submission: Callable[..., Submission],
) -> None:
    journal = FakeJournal()
    journal.gate.clear()
    async with committing(journal, rows_per_commit=3) as (commit, _):
        tasks = [
            asyncio.create_task(commit.submit(submission(*size))) for size in (("a", 5), ("b", 2), ("c", 1), ("d", 1))
        ]
        await until(lambda: journal.is_appending, what="the first commit")
        journal.gate.set()
        await asyncio.gather(*tasks)

    assert journal.batches == [["a"], ["b", "c"], ["d"]]


async def test_an_outage_fails_exactly_the_requests_of_its_transaction(submission: Callable[..., Submission]) -> None:
    journal = FakeJournal()
    journal.fails["a"] = ConnectionRefusedError()
    async with committing(journal) as (commit, published):
        with pytest.raises(StoreUnavailableError):
            await commit.submit(submission("a"))
        receipt = await commit.submit(submission("b"))

    assert receipt.accepted == 1
    assert [message.message_id for message in published] == ["b"]


async def test_a_request_that_cannot_be_stored_never_takes_its_neighbours_with_it(
    submission: Callable[..., Submission],
) -> None:
    journal = FakeJournal()
    journal.fails["bad"] = ValueError("bug")
    journal.gate.clear()
    async with committing(journal) as (commit, _):
        first = asyncio.create_task(commit.submit(submission("a")))
        await until(lambda: journal.is_appending, what="the first commit")
        others = [asyncio.create_task(commit.submit(submission(name))) for name in ("b", "bad", "c")]
        await until(lambda: journal.is_appending and all(not task.done() for task in others))
        journal.gate.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)

    assert [type(result).__name__ for result in results] == ["Receipt", "Receipt", "ValueError", "Receipt"]


async def test_a_commit_that_hangs_is_given_up(submission: Callable[..., Submission]) -> None:
    journal = FakeJournal()
    journal.gate.clear()
    async with committing(journal, timeout_seconds=0.05) as (commit, _):
        with pytest.raises(StoreUnavailableError):
            await commit.submit(submission("a"))


async def test_a_full_queue_puts_senders_off(submission: Callable[..., Submission]) -> None:
    journal = FakeJournal()
    journal.gate.clear()
    async with committing(journal, waiting_rows=3) as (commit, _):
        tasks = [asyncio.create_task(commit.submit(submission("a")))]
        await until(lambda: journal.is_appending, what="the first commit")
        large = asyncio.create_task(commit.submit(submission("large", 9)))
        await asyncio.wait([large], timeout=0)
        with pytest.raises(OverloadedError):
            await commit.submit(submission("b"))
        journal.gate.set()
        await asyncio.gather(*tasks, large)

    assert journal.batches == [["a"], ["large"]]


async def test_stopping_commits_what_waits(submission: Callable[..., Submission]) -> None:
    journal = FakeJournal()
    journal.gate.clear()
    async with committing(journal) as (commit, _):
        tasks = [asyncio.create_task(commit.submit(submission(name))) for name in ("a", "b")]
        await until(lambda: journal.is_appending, what="the first commit")

    assert [task.result().accepted for task in tasks] == [1, 1]
