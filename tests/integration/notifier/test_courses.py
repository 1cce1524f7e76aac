import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.domain.course import CourseState
from services.notifier.domain.urging import urge
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import VerdictStatus
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell
from tests.integration.notifier.desk import Desk, urging_at_once

pytestmark = pytest.mark.integration

ALERT = "06208:xa_ntm/15.1:female:1"
PROVINCE = "soyte@langson.example"
VIET_NAM = dt.timezone(dt.timedelta(hours=7))


def evening(month: int, day: int) -> dt.datetime:
    return dt.datetime(2024, month, day, 17, 0, tzinfo=VIET_NAM)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test", pool_size=10)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING)


@pytest.fixture
def desk(engine: AsyncEngine, clock: ManualClock) -> Desk:
    return Desk(engine, urging_at_once(), clock)


async def test_the_course_of_an_alert_is_stored_with_it_and_reads_as_it_was_planned(desk: Desk) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))

    courses = await desk.courses.standing([ALERT, "06211:xa_ntm/15.1:female:1", "nobody"])

    assert sorted(courses) == [ALERT, "06211:xa_ntm/15.1:female:1"]
    assert courses[ALERT].next_at == evening(10, 22)
    assert [step.level_vi for step in courses[ALERT].steps if step.to_role or step.to_unit] == ["cấp huyện", "cấp tỉnh"]
    assert await desk.query("SELECT count(*) FROM notifier.course_plan") == [(1,)]


async def test_a_reminder_repeats_while_the_target_is_missed_and_stops_when_it_is_met(desk: Desk) -> None:
    """TestRepeat."""
    await desk.tell(a_breach(1))

    assert await desk.pass_time(evening(10, 22) - dt.timedelta(minutes=1)) == 0
    assert await desk.pass_time(evening(10, 22)) == 1
    assert await desk.pass_time(evening(10, 29)) == 1
    await desk.tell(a_recovery(2))
    assert await desk.pass_time(evening(12, 24)) == 0

    assert await desk.ledger("subject", "kind = 'reminder' AND role = 'lead'") == {
        (f"{ALERT}!reminder:1",): 1,
        (f"{ALERT}!reminder:2",): 1,
    }
    (course,) = (await desk.courses.standing([ALERT])).values()
    assert course.state is CourseState.ENDED


async def test_what_waits_of_reminders_is_not_sent_when_the_target_is_met_first(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 22))

    await desk.tell(a_recovery(2))

    assert set(await desk.ledger(where="kind IN ('reminder', 'escalated')")) == {
        ("reminder", "superseded"),
        ("escalated", "superseded"),
    }


async def test_the_province_is_told_after_ten_working_days(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 22))
    assert await desk.ledger("kind", f"address = '{PROVINCE}'") == {}

    await desk.pass_time(evening(10, 29))

    assert PROVINCE in await desk.send_due()
    assert await desk.ledger("kind, role", f"address = '{PROVINCE}'") == {("escalated", "superior"): 1}


async def test_the_province_that_was_told_hears_of_the_end_where_policy_tells_it(
    engine: AsyncEngine, clock: ManualClock
) -> None:
    desk = Desk(engine, load_catalog(SHIPPED), clock)
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 29))

    await desk.tell(a_recovery(2))

    assert await desk.ledger("kind, held_for", f"address = '{PROVINCE}' AND status = 'waiting'") == {
        ("resolved", "digest"): 1
    }


async def test_two_replicas_that_find_the_same_course_due_tell_it_once(
    engine: AsyncEngine, desk: Desk, clock: ManualClock
) -> None:
    other = Desk(engine, urging_at_once(), clock)
    await desk.tell(*(a_breach(n, unit=f"{code:05d}") for n, code in enumerate(range(6190, 6227, 3), 1)))
    clock.set(evening(10, 22))

    found = await asyncio.gather(*(each.timekeeper.fire_due() for each in (desk, other, desk, other)))

    assert sum(found) == 13
    assert set((await desk.ledger("subject, kind, role, address")).values()) == {1}
    assert len(await desk.ledger("subject", "kind = 'reminder'")) == 13


async def test_a_course_that_is_found_due_again_after_a_crash_tells_nobody_twice(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 22))
    before = await desk.ledger("subject, kind, role, address")

    # As after a restore of the table from before the crash.
    await desk.query("UPDATE notifier.course SET position = 0, next_at = :at", at=evening(10, 22))
    await desk.timekeeper.fire_due()

    assert await desk.ledger("subject, kind, role, address") == before


async def urge_and_die(desk: Desk, now: dt.datetime) -> None:
    async with desk.courses.transaction() as transaction:
        due = await transaction.due(now, 10)
        alerts = await transaction.alerts([course.alert_id for course in due])
        await transaction.save(urge(desk.planner, due, alerts, now, []))
        raise RuntimeError("killed")


async def test_a_timekeeper_that_dies_before_its_commit_has_told_nothing_and_the_next_one_tells_it(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    with pytest.raises(RuntimeError, match="killed"):
        await urge_and_die(desk, evening(10, 22))

    assert set(await desk.ledger("kind")) == {("opened",)}
    assert await desk.pass_time(evening(10, 22)) == 1
    assert {kind for (kind,) in await desk.ledger("kind")} == {"opened", "reminder", "escalated"}


async def test_missed_times_are_told_each_once_and_of_reminders_only_the_last(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    await desk.pass_time(evening(11, 6))

    assert await desk.ledger("subject", "kind IN ('reminder', 'escalated') AND role = 'lead'") == {
        (f"{ALERT}!escalated:1",): 1,
        (f"{ALERT}!escalated:2",): 1,
        (f"{ALERT}!reminder:3",): 1,
    }
    assert (desk.metric("urged_total", kind="reminded"), desk.metric("urged_total", kind="escalated")) == (1, 2)


async def test_an_acknowledgement_stops_what_waits_and_what_was_to_come_until_it_lapses(desk: Desk) -> None:
    """OnCall: ack stops escalation; ack-timeout restarts it."""
    await desk.tell(a_breach(1))
    await desk.pass_time(evening(10, 22))

    (held,) = await desk.courses.acknowledge([ALERT, "nobody"], "Nguyễn Văn A", "api", evening(10, 23))

    assert (held.state, held.next_at) == (CourseState.ACKNOWLEDGED, evening(11, 6))
    assert set(await desk.ledger("status", "kind IN ('reminder', 'escalated')")) == {("superseded",)}
    assert await desk.pass_time(evening(11, 5)) == 0
    assert await desk.pass_time(evening(11, 6)) == 1
    assert await desk.ledger("subject", "status = 'waiting' AND kind = 'reminder' AND role = 'lead'") == {
        (f"{ALERT}!lapsed:2024-11-06",): 1
    }
    assert await desk.pass_time(evening(11, 12)) == 1  # four working days were left on the 23rd


async def test_an_acknowledgement_that_is_taken_back_lets_the_chain_go_on(desk: Desk) -> None:
    """OnCall: un-ack restarts escalation."""
    await desk.tell(a_breach(1))
    await desk.courses.acknowledge([ALERT], "Nguyễn Văn A", "link", evening(10, 17))

    (free,) = await desk.courses.unacknowledge([ALERT], "Trần Thị B", "api", evening(10, 18))

    assert (free.state, free.next_at) == (CourseState.RUNNING, evening(10, 23))
    assert await desk.courses.unacknowledge([ALERT], "Trần Thị B", "api", evening(10, 18)) == []


async def test_an_alert_that_is_over_cannot_be_acknowledged(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.tell(a_recovery(2))

    assert await desk.courses.acknowledge([ALERT], "Nguyễn Văn A", "api", evening(10, 17)) == []


async def test_every_transition_is_in_the_audit_with_who_did_it(desk: Desk) -> None:
    """OnCall: every transition is a log record."""
    await desk.tell(a_breach(1))
    await desk.courses.acknowledge([ALERT], "Nguyễn Văn A", "api", evening(10, 17))
    await desk.courses.unacknowledge([ALERT], "Trần Thị B", "api", evening(10, 18))
    await desk.pass_time(evening(10, 23))
    await desk.courses.acknowledge([ALERT], "Trần Thị B", "api", evening(10, 24))
    await desk.pass_time(evening(11, 7))

    lines = await desk.query(f"SELECT kind, actor FROM notifier.audit WHERE alert_id = '{ALERT}' ORDER BY id")

    assert [line for line in lines if line[0] != "opened"] == [
        ("acknowledged", "Nguyễn Văn A"),
        ("acknowledgement_withdrawn", "Trần Thị B"),
        ("reminded", "datchuan"),
        ("escalated", "datchuan"),
        ("superseded", "datchuan"),
        ("acknowledged", "Trần Thị B"),
        ("acknowledgement_lapsed", "datchuan"),
    ]


async def test_courses_that_nobody_moves_along_are_found(desk: Desk) -> None:
    """OnCall: the auditor finds alert groups whose escalation has stalled."""
    await desk.tell(a_breach(1))
    desk.clock.set(evening(10, 22) + dt.timedelta(minutes=61))

    await desk.timekeeper.count_stalled()
    stalled = desk.metric("courses_stalled")
    await desk.timekeeper.fire_due()
    await desk.timekeeper.count_stalled()

    assert (stalled, desk.metric("courses_stalled")) == (1, 0)


async def test_a_message_that_is_told_again_begins_no_course_anew(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.courses.acknowledge([ALERT], "Nguyễn Văn A", "api", evening(10, 17))
    await desk.query("DELETE FROM notifier.node_mark")

    await desk.tell(a_breach(1, unit="06208"), a_breach(3, unit="06211"))

    courses = await desk.courses.standing([ALERT, "06211:xa_ntm/15.1:female:1"])
    assert courses[ALERT].state is CourseState.ACKNOWLEDGED
    assert len(courses) == 2


async def test_an_alert_whose_data_are_lost_goes_its_course_and_is_never_resolved_by_silence(desk: Desk) -> None:
    """Probe D5: a silent source."""
    silent = a_change(2, a_cell("male", 1200, 1250), a_silent_cell("female"), from_status=VerdictStatus.NOT_MET)
    await desk.tell(a_breach(1))
    await desk.tell(silent)

    assert await desk.pass_time(evening(10, 22)) == 1

    kinds = {kind for (kind,) in await desk.ledger("kind")}
    assert kinds == {"opened", "data_lost", "reminder", "escalated"}


async def test_alerts_that_open_while_messages_are_gathered_are_each_sent_once(desk: Desk) -> None:
    """TestDispatcherRaceOnFirstAlertNotDeliveredWhenGroupWaitIsZero."""
    done = asyncio.Event()

    async def send() -> None:
        while not done.is_set():
            await desk.grouper.group_due()

    sending = [asyncio.create_task(send()) for _ in range(2)]
    for number, code in enumerate(range(6190, 6227, 3), 1):
        await desk.tell(a_breach(number, unit=f"{code:05d}"))
    done.set()
    await asyncio.gather(*sending)
    await desk.send_due()

    assert set(await desk.ledger("status")) == {("sent",)}
    assert await desk.query("SELECT count(*) FROM notifier.delivery WHERE status <> 'sent'") == [(0,)]
