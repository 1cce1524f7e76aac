"""Polling an instance that refuses, breaks off, is slow, answers too much, or is not there."""

import asyncio
import datetime as dt
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.responses import JSONResponse, Response

from services.ingest.domain.errors import BackloggedError, StoreUnavailableError
from services.ingest.domain.polls import PollFailure
from shared.embedded.ports import free_port
from tests.integration.ingest.dhis2_server import (
    LOGIN_PAGE,
    PASSWORD,
    TOKEN,
    USER,
    Dhis2,
    answering,
    cut_off,
    dripping,
    message,
    running,
)
from tests.integration.ingest.polling_world import PollWorld, polling_world

pytestmark = pytest.mark.integration


@pytest.fixture
async def dhis2() -> AsyncIterator[Dhis2]:
    async with running(Dhis2()) as instance:
        yield instance


@pytest.fixture
async def world(database_url: str, dhis2: Dhis2, tmp_path: Path) -> AsyncIterator[PollWorld]:
    async with polling_world(database_url, dhis2, tmp_path) as made:
        yield made


def page() -> Response:
    return Response(LOGIN_PAGE, media_type="text/html")


def bomb() -> Response:
    return Response(
        gzip.compress(b" " * 40_000_000), media_type="application/json", headers={"content-encoding": "gzip"}
    )


def patients() -> Response:
    return JSONResponse({"trackedEntities": [{"trackedEntity": "x", "hoTen": "Nguyen Thi Bi Mat"}]})


ANSWERS: list[tuple[PollFailure, Callable[[], Response]]] = [
    (PollFailure.UNAUTHORIZED, lambda: message(401, "Unauthorized")),
    (PollFailure.FORBIDDEN, lambda: message(403, "Access is denied")),
    (PollFailure.NOT_FOUND, lambda: Response(b"<html>404</html>", 404, media_type="text/html")),
    (PollFailure.REFUSED, lambda: message(409, "User is not allowed to view org unit: `P1`", "E2012")),
    (PollFailure.REFUSED, lambda: Response(b"not even JSON", 409)),
    (PollFailure.LOGIN_PAGE, page),
    (PollFailure.LOGIN_PAGE, lambda: Response(status_code=302, headers={"location": "/dhis/login/?next=x"})),
    (PollFailure.REDIRECTED, lambda: Response(status_code=301, headers={"location": "https://new.example/api/x"})),
    (PollFailure.SERVER_ERROR, lambda: Response(b"<html>Tomcat</html>", 500, media_type="text/html")),
    (PollFailure.SERVER_ERROR, lambda: Response(status_code=503)),
    (PollFailure.THROTTLED, lambda: message(429, "Too many requests")),
    (PollFailure.CUT_OFF, cut_off),
    (PollFailure.CUT_OFF, lambda: Response(b'{"dataValues":[{"dataEl', media_type="application/json")),
    (PollFailure.UNREADABLE, lambda: Response(b"\x50\x4b", media_type="application/zip")),
    (PollFailure.UNREADABLE, lambda: JSONResponse({"dataValues": {"no": "list"}})),
    (PollFailure.UNREADABLE, lambda: Response(b"x", media_type="application/json", headers={"content-encoding": "br"})),
    (PollFailure.PATIENT_LEVEL, patients),
]


@pytest.mark.parametrize(("kind", "answer"), ANSWERS, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_wrong_answer_is_told_by_its_kind_and_the_window_stays(
    world: PollWorld, kind: PollFailure, answer: Callable[[], Response]
) -> None:
    await world.turn()
    before = await world.state()
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.faults.append(answering(answer))

    pause = await world.turn()

    failed = await world.state()
    assert (failed["window_end"], failed["failures"]) == (before["window_end"], 1)
    assert failed["error"].startswith(f"{kind}: ")
    assert world.process.metric("failures_total", kind=kind) == 1
    assert 2.5 <= pause <= 5
    await world.turn()
    healed = await world.state()
    assert (healed["failures"], healed["error"]) == (0, "")
    assert len(await world.events()) == 1


async def test_nothing_of_personal_data_is_stored(world: PollWorld) -> None:
    world.dhis2.faults.append(answering(patients))

    await world.turn()

    assert "Bi Mat" not in str(await world.rows("SELECT * FROM ingest.request"))
    assert "Bi Mat" not in str(await world.state())
    assert await world.reasons() == []


async def test_retry_after_is_obeyed_as_seconds_and_as_a_date(world: PollWorld) -> None:
    at = "Tue, 15 Oct 2024 05:10:00 GMT"
    world.dhis2.faults += [
        answering(lambda: message(429, "slow down", **{"retry-after": "321"})),
        answering(lambda: message(503, "later", **{"retry-after": at})),
        answering(lambda: message(503, "much later", **{"retry-after": "999999"})),
    ]

    assert [await world.turn() for _ in range(3)] == [321.0, 600.0, 3600.0]


async def test_pauses_grow_up_to_the_longest(database_url: str, dhis2: Dhis2, tmp_path: Path) -> None:
    async with polling_world(database_url, dhis2, tmp_path, longest_pause_seconds=30) as world:
        dhis2.faults += [answering(lambda: message(500, "x"))] * 6

        pauses = [await world.turn() for _ in range(6)]

    for pause, whole in zip(pauses, [5, 10, 20, 30, 30, 30], strict=True):
        assert whole / 2 <= pause <= whole


async def test_a_slow_drip_is_given_up(database_url: str, dhis2: Dhis2, tmp_path: Path) -> None:
    async with polling_world(database_url, dhis2, tmp_path, timeout_seconds=0.3) as world:
        dhis2.faults.append(answering(dripping))

        await world.turn()

        assert (await world.state())["error"].startswith("timeout: ")


async def test_nobody_there_is_told_and_the_poll_goes_on_when_the_server_is_back(
    database_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    port, dhis2.port = dhis2.port, free_port()
    async with polling_world(database_url, dhis2, tmp_path) as world:
        await world.turn()
        assert (await world.state())["error"].startswith("unreachable: ")
        world.poll = world.poll.model_copy(update={"url": f"http://127.0.0.1:{port}/dhis"})
        dhis2.put("Cards", "C1", "9")

        await world.turn()

        assert len(await world.events()) == 1


async def test_a_server_that_speaks_no_tls_and_a_ca_file_that_is_none_are_told(
    database_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    async with polling_world(database_url, dhis2, tmp_path) as world:
        world.poll = world.poll.model_copy(update={"url": dhis2.url.replace("http:", "https:")})
        await world.turn()
        assert (await world.state())["error"].startswith("tls: ")
        world.poll = world.poll.model_copy(update={"ca_file": tmp_path / "none.pem"})

        await world.turn()

        assert "none.pem" in (await world.state())["error"]


async def test_an_answer_without_a_date_is_refused(world: PollWorld) -> None:
    world.dhis2.sends_date = False

    await world.turn()

    assert "no valid Date" in (await world.state())["error"]


async def test_a_release_that_wants_a_period_gets_all_periods(world: PollWorld) -> None:
    world.dhis2.wants_period = True
    world.dhis2.put("Cards", "C1", "9")

    await world.turn()

    assert len(await world.events()) == 1
    assert world.dhis2.asked[-1]["startDate"] == ["1900-01-01"]
    assert "lastUpdated" in world.dhis2.asked[-1]


@pytest.mark.parametrize("too_much", [{"values_per_request": 3}, {"max_body_bytes": 1024}], ids=["values", "bytes"])
async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_parts(
    database_url: str, dhis2: Dhis2, tmp_path: Path, too_much: dict[str, Any]
) -> None:
    async with polling_world(database_url, dhis2, tmp_path, **too_much) as world:
        for number, unit in enumerate(("C1", "C2", "T1", "W1")):
            dhis2.put("Cards", unit, str(number))
            dhis2.put("People", unit, "10")

        await world.turn()
        await world.turn()

        assert sorted(event["unit"] for event in await world.events()) == ["C1", "C2", "T1", "W1"]
        assert (await world.state())["failures"] == 0
        assert ["C1", "C2"] in [asked["orgUnit"] for asked in dhis2.asked]


async def test_one_unit_with_more_values_than_the_limit_is_asked_for_without_it(
    database_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    async with polling_world(database_url, dhis2, tmp_path, values_per_request=1, org_units=["C1"]) as world:
        dhis2.put("Cards", "C1", "9")
        dhis2.put("People", "C1", "10")

        await world.turn()

        assert len(await world.events()) == 1
        assert "limit" not in dhis2.asked[-1]


async def test_one_unit_that_is_too_large_by_itself_is_a_failure_with_its_remedy(
    database_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    async with polling_world(database_url, dhis2, tmp_path, max_body_bytes=1024, org_units=["C1"]) as world:
        for month in range(1, 10):
            dhis2.put("Cards", "C1", "9", period=f"20240{month}")

        await world.turn()

        assert (await world.state())["error"].startswith("too_large: ")
        assert "max_body_bytes" in (await world.state())["error"]


async def test_an_answer_with_more_bad_values_than_can_be_set_aside_at_once_is_asked_for_in_parts(
    database_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    async with polling_world(database_url, dhis2, tmp_path, org_units=["C1", "C2"]) as world:
        for number in range(6_000):
            dhis2.put("Cards", "C1", "9", option=f"Unknown{number}")
            dhis2.put("Cards", "C2", "9", option=f"Unknown{number}")

        await world.turn()

        assert [asked["orgUnit"] for asked in dhis2.asked] == [["C1", "C2"], ["C1"], ["C2"]]
        assert world.process.metric("values_total", outcome="quarantined") == 12_000
        assert (await world.state())["failures"] == 0


async def test_a_gzip_bomb_is_stopped_at_the_limit(world: PollWorld) -> None:
    world.dhis2.faults += [answering(bomb)] * 2

    await world.turn()

    assert (await world.state())["error"].startswith("too_large: ")


@pytest.mark.parametrize("error", [BackloggedError("full"), StoreUnavailableError("away")])
async def test_when_nothing_can_be_taken_in_the_poll_waits_and_the_window_stays(
    world: PollWorld, error: Exception
) -> None:
    world.dhis2.put("Cards", "C1", "9")
    world.process.door.error = error

    await world.turn()

    assert (await world.state())["window_end"] is None
    assert world.process.metric("failures_total", kind=PollFailure.NOT_TAKEN) == 1
    world.process.door.error = None
    await world.turn()
    assert len(await world.events()) == 1


async def test_no_secret_stands_in_a_log_or_in_the_state(world: PollWorld) -> None:
    secrets = [PASSWORD, TOKEN, "cG9sbGVy"]  # the last begins the user's name in base64
    with structlog.testing.capture_logs() as logs:
        for text in (
            f"{USER}:wrong{PASSWORD}",
            f"ApiToken wrong{TOKEN}",
            "no colon in it",
            f"{PASSWORD}\nsecond line:",
        ):
            world.poll.credentials_file.write_text(text, encoding="utf-8")
            await world.turn()
        world.dhis2.faults.append(answering(lambda: message(500, "x")))
        await world.turn()
        state = await world.state()

    assert state["failures"] == 5
    assert logs
    for secret in secrets:
        assert secret not in str(logs)
        assert secret not in str(state)


async def test_a_missing_file_of_credentials_is_told_and_mended_without_a_restart(world: PollWorld) -> None:
    world.poll.credentials_file.unlink()
    await world.turn()
    assert (await world.state())["error"].startswith("credentials: ")
    world.poll.credentials_file.write_text(f"{USER}:{PASSWORD}", encoding="utf-8")

    await world.turn()

    assert (await world.state())["failures"] == 0


async def test_every_metric_of_a_poll_is_there_from_the_start(world: PollWorld) -> None:
    for kind in PollFailure:
        assert world.process.metric("failures_total", kind=kind) == 0
    assert world.process.metric("interval_seconds") == 900
    assert world.process.metric("last_success_timestamp_seconds") == 0
    await world.turn()
    assert world.process.metric("last_success_timestamp_seconds") > dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp()


async def test_others_who_may_read_the_credentials_are_warned_of(world: PollWorld) -> None:
    world.poll.credentials_file.chmod(0o644)
    stop = asyncio.Event()
    stop.set()

    with structlog.testing.capture_logs() as logs:
        await world.process.follower.run(stop)

    assert [log["event"] for log in logs if "chmod 600" in log["event"]]
