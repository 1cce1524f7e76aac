"""Large bodies: taken part by part, and told as one."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from services.ingest.adapters.intake import Import
from services.ingest.adapters.parts import Imports
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.adapters.web.problems import problem_of
from services.ingest.adapters.web.spool import Gathering, Room, Spool, SpooledBody
from services.ingest.domain.errors import (
    BackloggedError,
    BodyTooLargeError,
    IngestError,
    OverloadedError,
    PartlyTakenError,
    PatientLevelDataError,
    StoreUnavailableError,
)
from services.ingest.domain.forecast import Forecast, VerdictForecast
from services.ingest.domain.reading import PayloadFormat
from services.ingest.domain.report import ImportReport
from services.ingest.domain.tokens import Grant
from tests.unit.ingest.large_body import Body

GRANT = Grant("hmis", frozenset())
LINES = b"".join(b'{"id":"%d"}\n' % number for number in range(100))


class Taker:
    """Counts lines, and fails on the part that it is told to."""

    def __init__(self, fails_on: int = 0, error: Exception | None = None, forecast: Forecast | None = None) -> None:
        self.parts: list[Import] = []
        self._fails_on = fails_on
        self._error = error or StoreUnavailableError()
        self._forecast = forecast

    async def take(self, grant: Grant, asked: Import) -> ImportReport:
        await asyncio.sleep(0)
        if len(self.parts) + 1 == self._fails_on:
            raise self._error
        self.parts.append(asked)
        rows = asked.body.count(b"\n")
        return ImportReport(
            format=asked.format,
            source=grant.source,
            rows=rows,
            accepted=rows - 1,
            quarantined=1,
            forecast=self._forecast,
        )


def asked(content: bytes = LINES, **fields: Any) -> Import:
    return Import(format=PayloadFormat.NDJSON, body=b"", large=Body(content), **fields)


async def test_the_parts_are_taken_in_order_and_their_reports_are_added_up() -> None:
    taker = Taker()

    report = await Imports(taker.take, lambda: None, slice_bytes=200).take(GRANT, asked())

    assert len(taker.parts) > 3
    assert b"".join(part.body for part in taker.parts) == LINES
    assert (report.rows, report.accepted, report.quarantined) == (100, 100 - len(taker.parts), len(taker.parts))
    assert [part.first_row for part in taker.parts][:2] == [0, taker.parts[0].body.count(b"\n")]


async def test_a_small_body_is_taken_as_it_is() -> None:
    taker = Taker()
    small = Import(format=PayloadFormat.SPREADSHEET, body=b"PK\n", atomic=True)

    await Imports(taker.take, lambda: None).take(GRANT, small)

    assert taker.parts == [small]


async def test_what_fails_half_way_leaves_the_parts_before_it_and_says_what_they_were() -> None:
    taker = Taker(fails_on=3)

    with pytest.raises(PartlyTakenError) as error:
        await Imports(taker.take, lambda: None, slice_bytes=200).take(GRANT, asked())

    rows = sum(part.body.count(b"\n") for part in taker.parts)
    problem = problem_of(error.value)
    assert (problem.status, problem.slug, problem.retry_after_seconds) == (503, "store_unavailable", 5)
    assert problem.taken["rows"] == rows
    assert f"Reading stopped at line {rows + 1}." in problem.detail
    assert "they are duplicates then" in problem.detail


async def test_what_fails_at_once_took_nothing_and_is_told_as_it_is() -> None:
    with pytest.raises(StoreUnavailableError):
        await Imports(Taker(fails_on=1).take, lambda: None, slice_bytes=200).take(GRANT, asked())


async def test_a_backlog_that_fills_up_meanwhile_stops_a_large_body() -> None:
    def admit() -> None:
        raise BackloggedError("Too many.")

    with pytest.raises(PartlyTakenError) as error:
        await Imports(Taker().take, admit, slice_bytes=200).take(GRANT, asked())

    assert problem_of(error.value).slug == "backlogged"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        pytest.param(asked(atomic=True), BodyTooLargeError, id="atomic"),
        pytest.param(asked(LINES + b'{"id":"x","ho_ten":"y"}'), PatientLevelDataError, id="a person in the last line"),
        pytest.param(
            Import(format=PayloadFormat.SPREADSHEET, body=b"", large=Body(LINES)), BodyTooLargeError, id="a workbook"
        ),
    ],
)
async def test_what_cannot_be_taken_in_parts_is_refused_with_nothing_taken(
    wanted: Import, error: type[IngestError]
) -> None:
    taker = Taker()

    with pytest.raises(error):
        await Imports(taker.take, lambda: None, slice_bytes=200).take(GRANT, wanted)

    assert taker.parts == []


async def test_large_bodies_are_worked_on_one_after_the_other_and_small_ones_meanwhile() -> None:
    taker = Taker()
    imports = Imports(taker.take, lambda: None, slice_bytes=200)
    small = Import(format=PayloadFormat.NDJSON, body=b"small")
    one, other = asked(content_type="one"), asked(content_type="other")

    await asyncio.gather(imports.take(GRANT, one), imports.take(GRANT, other), imports.take(GRANT, small))

    order = [part.content_type for part in taker.parts if part.body != b"small"]
    assert order == sorted(order)
    assert taker.parts.index(small) < len(taker.parts) - 1


async def test_big_bodies_that_are_read_whole_take_turns_too_and_do_not_wait_for_large_ones() -> None:
    reading = most = 0

    async def take(grant: Grant, asked: Import) -> ImportReport:
        nonlocal reading, most
        reading += len(asked.body) > 1_000
        most = max(most, reading)
        for _ in range(5):
            await asyncio.sleep(0)
        reading -= len(asked.body) > 1_000
        return ImportReport(format=asked.format, source=grant.source)

    imports = Imports(take, lambda: None, slice_bytes=200)
    big = [Import(format=PayloadFormat.DHIS2, body=bytes(3 * 1024 * 1024)) for _ in range(3)]

    await asyncio.gather(imports.take(GRANT, asked()), *(imports.take(GRANT, body) for body in big))

    assert most == 1


async def test_forecasts_of_the_parts_are_told_together_each_verdict_once() -> None:
    verdict = VerdictForecast(
        unit="C1", unit_name_vi="Xã", node="15.1", node_name_vi="", from_status="a", to_status="b", reason="r"
    )
    taker = Taker(forecast=Forecast(verdicts=(verdict,), omitted=1))

    report = await Imports(taker.take, lambda: None, slice_bytes=400).take(GRANT, asked(dry_run=True))

    assert report.forecast is not None
    assert report.forecast.verdicts == (verdict,)
    assert report.forecast.omitted == len(taker.parts)


@contextlib.contextmanager
def a_room(in_memory: int, most: int, disk: BodyMemory, memory: BodyMemory) -> Iterator[Room]:
    with memory.body_of("hmis") as grow, Spool(in_memory, most, disk).room("hmis", grow) as room:
        yield room


def test_a_body_moves_to_disk_when_it_outgrows_memory_and_both_are_given_back() -> None:
    memory, disk = BodyMemory(100), BodyMemory(1_000)

    with a_room(10, 100, disk, memory) as room:
        body = Gathering(room)
        for piece in (b"12345678", b"abcdefgh", b"xyz"):
            body.add(piece)
        large = body.body()
        assert isinstance(large, SpooledBody)
        assert (large.size, large.read(6, 10), large.head(3)) == (19, b"78ab", b"123")
        assert (memory.held, disk.held) == (0, 19)
        with large.mapped() as mapped:
            assert mapped[:] == b"12345678abcdefghxyz"

    assert (memory.held, disk.held) == (0, 0)


def test_a_body_that_stays_small_never_touches_the_disk() -> None:
    with a_room(10, 100, BodyMemory(1), BodyMemory(100)) as room:
        body = Gathering(room)
        body.add(b"1234567890")
        assert body.body() == b"1234567890"


def test_a_body_beyond_the_limit_is_refused() -> None:
    with a_room(10, 20, BodyMemory(100), BodyMemory(100)) as room, pytest.raises(BodyTooLargeError, match="20 bytes"):
        Gathering(room).add(b"x" * 21)


def test_one_source_may_take_half_of_the_disk() -> None:
    disk = BodyMemory(100)
    with a_room(1, 100, disk, BodyMemory(100)) as room, a_room(1, 100, disk, BodyMemory(100)) as other:
        Gathering(room).add(b"x" * 30)
        with pytest.raises(OverloadedError, match="hmis"):
            Gathering(other).add(b"x" * 30)
