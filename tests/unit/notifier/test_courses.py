import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from services.notifier.domain.alerts import Alert
from services.notifier.domain.audit import AuditKind
from services.notifier.domain.book import apply
from services.notifier.domain.course import (
    Course,
    CourseState,
    acknowledge,
    fire,
    has_lapsed,
    is_stalled,
    lapse,
    step_subject,
    unacknowledge,
)
from services.notifier.domain.ledger import Entry, HeldFor
from services.notifier.domain.limits import Limits, Margin
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.silences import Silence
from services.notifier.domain.urging import Urged, urge
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import EscalationPolicy, EscalationStep, Policies, SuperiorUnit
from shared.contracts.vocabulary import AlertKind, ChangeKind, NoticeKind, Role
from shared.contracts.vocabulary import VerdictReason as Reason
from shared.contracts.vocabulary import VerdictStatus as Status
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_cell, a_change, a_recovery, a_silent_cell

VIET_NAM = dt.timezone(dt.timedelta(hours=7))
CALENDAR = WorkingCalendar()
ALERT = "06208:xa_ntm/15.1:female:1"
OFFICE = "vanphong.caoloc@langson.example"
PROVINCE = "soyte@langson.example"


def evening(month: int, day: int) -> dt.datetime:
    """Return the end of a working day of 2024."""
    return dt.datetime(2024, month, day, 17, 0, tzinfo=VIET_NAM)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def with_policies(catalog: Catalog, **policies: Any) -> Catalog:
    known = {name: getattr(catalog.policies, name) for name in Policies.model_fields}
    fields = {name: getattr(catalog, name) for name in Catalog.model_fields}
    return Catalog(**fields | {"policies": Policies(**known | policies)})


def alert_and_course(planner: Planner, *changes: VerdictChanged, now: dt.datetime = MORNING) -> tuple[Alert, Course]:
    outcome = apply([], [], changes)
    (course,) = planner.plan(outcome.steps, [], now).courses
    return outcome.alerts[course.alert_id], course


def course_of(catalog: Catalog) -> Course:
    return alert_and_course(Planner(catalog, Windows()), a_breach())[1]


def due(catalog: Catalog, course: Course, alert: Alert, now: dt.datetime) -> Urged:
    return urge(Planner(catalog, Windows()), [course], {alert.id: alert}, now, [])


def told(entries: Sequence[Entry]) -> set[tuple[NoticeKind, str, Role]]:
    return {(entry.kind, entry.address, entry.role) for entry in entries}


def test_a_course_is_counted_in_working_days_and_fixed_when_its_alert_opens(catalog: Catalog) -> None:
    course = course_of(catalog)

    assert course.policy == "breach"
    assert course.acknowledge_by == evening(10, 18)
    assert [(step.at, step.kind, step.level) for step in course.steps[:5]] == [
        (evening(10, 22), NoticeKind.REMINDER, 1),
        (evening(10, 22), NoticeKind.ESCALATED, 1),
        (evening(10, 29), NoticeKind.REMINDER, 2),
        (evening(10, 29), NoticeKind.ESCALATED, 2),
        (evening(11, 5), NoticeKind.REMINDER, 3),
    ]
    assert course.next_at == evening(10, 22)


def test_a_policy_that_changes_later_changes_no_course_that_runs(catalog: Catalog) -> None:
    """OnCall: the escalation chain is snapshotted when the alert group starts."""
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())
    edited = with_policies(catalog, escalation=(), superiors=())

    urged = due(edited, course, alert, evening(10, 22))

    assert {entry.kind for entry in urged.entries} == {NoticeKind.REMINDER, NoticeKind.ESCALATED}
    assert urged.courses[0].next_at == evening(10, 29)


def test_an_escalation_to_a_unit_that_is_not_above_the_commune_is_left_out(catalog: Catalog) -> None:
    receivers = [step.to_unit or step.to_role for step in course_of(catalog).steps if step.kind is NoticeKind.ESCALATED]

    assert receivers == [Role.CONSOLIDATING, "syt_langson"]


def test_an_escalation_to_a_unit_that_will_have_ended_by_then_is_left_out(catalog: Catalog) -> None:
    ends = dt.date(2024, 10, 28)
    superiors = (SuperiorUnit(id="syt_langson", name_vi="Sở", scope=("20",), mail=(PROVINCE,), effective_to=ends),)

    course = course_of(with_policies(catalog, superiors=superiors, escalation=catalog.policies.escalation[:1]))

    assert [step.to_role for step in course.steps if step.kind is NoticeKind.ESCALATED] == [Role.CONSOLIDATING]


def test_the_first_policy_that_fits_holds(catalog: Catalog) -> None:
    def policy(name: str, **fields: Any) -> EscalationPolicy:
        return EscalationPolicy(id=name, remind_every=1, **fields)

    escalation = (
        policy("gaps", kinds=(AlertKind.DATA_GAP,)),
        policy("food", indicators=("food_poisoning",)),
        policy("elsewhere", scope=("91",)),
        policy("here", indicators=("bhyt_coverage",), scope=("183",)),
        policy("any"),
    )

    assert course_of(with_policies(catalog, escalation=escalation)).policy == "here"


def test_a_mere_risk_is_never_urged_whatever_a_policy_says(catalog: Catalog) -> None:
    policy = EscalationPolicy(id="risk", kinds=(AlertKind.AT_RISK,), remind_every=1)
    planner = Planner(with_policies(catalog, escalation=(policy,)), Windows())
    near = a_change(1, a_cell("female", 9_010, 10_000), kind=ChangeKind.EVIDENCE)
    outcome = apply([], [], [near], Limits(margins={"xa_ntm/15.1": Margin(0.5, 3.0)}))

    assert [alert.opened_as for alert in outcome.alerts.values()] == [AlertKind.AT_RISK]
    assert planner.plan(outcome.steps, [], MORNING).courses == []


def test_an_alert_that_is_over_at_once_takes_no_course(catalog: Catalog) -> None:
    outcome = apply([], [], [a_breach(1), a_recovery(2)])

    assert Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).courses == []


def test_a_breach_that_loses_its_data_keeps_its_course(catalog: Catalog) -> None:
    silent = a_change(2, a_cell("male", 1200, 1250), a_silent_cell("female"), from_status=Status.NOT_MET)

    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach(1), silent)

    assert (alert.kind, course.policy) == (AlertKind.DATA_GAP, "breach")


def test_alerts_of_one_day_share_their_steps(catalog: Catalog) -> None:
    outcome = apply([], [], [a_breach(number, unit=unit) for number, unit in enumerate(("06208", "06211"), 1)])

    first, second = Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).courses

    assert first.steps is second.steps


def test_nothing_is_due_before_its_time(catalog: Catalog) -> None:
    course = course_of(catalog)

    assert fire(course, evening(10, 22) - dt.timedelta(seconds=1)) == (course, ())


def test_a_reminder_goes_on_at_its_cadence_and_stops_when_there_are_no_more(catalog: Catalog) -> None:
    """TestRepeat: an unchanged alert repeats at each interval."""
    course, reminders = course_of(catalog), []
    while course.next_at is not None:
        course, steps = fire(course, course.next_at)
        reminders += [step.at for step in steps if step.kind is NoticeKind.REMINDER]

    assert len(reminders) == len(set(reminders)) == 12
    assert reminders[:3] == [evening(10, 22), evening(10, 29), evening(11, 5)]


def test_after_an_outage_every_escalation_is_told_and_only_the_last_reminder(catalog: Catalog) -> None:
    course, steps = fire(course_of(catalog), evening(11, 6))

    assert [(step.kind, step.level) for step in steps] == [
        (NoticeKind.ESCALATED, 1),
        (NoticeKind.ESCALATED, 2),
        (NoticeKind.REMINDER, 3),
    ]
    assert course.next_at == evening(11, 12)


def test_an_acknowledgement_stops_reminders_and_escalation(catalog: Catalog) -> None:
    """OnCall: ack stops escalation."""
    held = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    assert fire(held, evening(12, 31)) == (held, ())
    assert (held.state, held.next_at) == (CourseState.ACKNOWLEDGED, evening(10, 31))


def test_an_acknowledgement_lapses_and_the_chain_goes_on_by_the_days_for_which_it_was_held(catalog: Catalog) -> None:
    """OnCall: ack-timeout restarts escalation."""
    held = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    assert not has_lapsed(held, evening(10, 31) - dt.timedelta(seconds=1))
    assert has_lapsed(held, evening(10, 31))
    going_on = lapse(held, CALENDAR)
    assert going_on.state is CourseState.RUNNING
    assert going_on.next_at == evening(11, 5)  # three working days were left on the 17th
    assert [step.level for step in going_on.steps] == [step.level for step in held.steps]
    assert going_on.acknowledged_by == "Nguyễn Văn A"


def test_an_acknowledgement_that_is_taken_back_lets_the_chain_go_on(catalog: Catalog) -> None:
    """OnCall: un-ack restarts escalation."""
    held = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    free = unacknowledge(held, evening(10, 18), CALENDAR)

    assert (free.state, free.next_at, free.acknowledged_by) == (CourseState.RUNNING, evening(10, 23), None)


def test_a_confirmation_puts_off_when_the_acknowledgement_lapses(catalog: Catalog) -> None:
    """OnCall: reminder confirmed, next reminder rescheduled."""
    held = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    again = acknowledge(held, "Trần Thị B", evening(10, 24), CALENDAR)

    assert (again.acknowledged_at, again.acknowledged_by) == (evening(10, 17), "Nguyễn Văn A")
    assert (again.acknowledged_until, again.next_at) == (evening(11, 7), evening(11, 7))
    assert lapse(again, CALENDAR).next_at == evening(11, 12)


def test_after_a_lapse_it_can_be_acknowledged_again(catalog: Catalog) -> None:
    first = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    again = acknowledge(lapse(first, CALENDAR), "Trần Thị B", evening(11, 1), CALENDAR)

    assert (again.state, again.acknowledged_at) == (CourseState.ACKNOWLEDGED, evening(11, 1))
    assert again.acknowledged_by == "Trần Thị B"
    assert lapse(again, CALENDAR).next_at == evening(11, 19)


def test_an_acknowledgement_after_a_lapse_that_nobody_was_told_of_yet_confirms_nothing(catalog: Catalog) -> None:
    first = acknowledge(course_of(catalog), "Nguyễn Văn A", evening(10, 17), CALENDAR)

    again = acknowledge(first, "Trần Thị B", evening(11, 1), CALENDAR)

    assert again == acknowledge(lapse(first, CALENDAR), "Trần Thị B", evening(11, 1), CALENDAR)
    assert (again.acknowledged_at, again.acknowledged_by) == (evening(11, 1), "Trần Thị B")


def test_an_acknowledgement_without_a_limit_never_lapses(catalog: Catalog) -> None:
    policy = EscalationPolicy(id="patient", remind_every=1)
    held = acknowledge(course_of(with_policies(catalog, escalation=(policy,))), "A", evening(10, 17), CALENDAR)

    assert held.next_at is None
    assert not has_lapsed(held, evening(12, 31))


def test_a_course_that_has_not_gone_on_for_an_hour_is_stalled(catalog: Catalog) -> None:
    """OnCall: the auditor finds alert groups whose escalation has stalled."""
    course = course_of(catalog)

    assert not is_stalled(course, evening(10, 22) + dt.timedelta(minutes=59))
    assert is_stalled(course, evening(10, 22) + dt.timedelta(minutes=61))


def test_a_reminder_goes_to_those_who_act_and_an_escalation_to_its_receiver_too(catalog: Catalog) -> None:
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())

    urged = due(catalog, course, alert, evening(10, 22))

    reminded = {role for kind, _, role in told(urged.entries) if kind is NoticeKind.REMINDER}
    escalated = {role for kind, _, role in told(urged.entries) if kind is NoticeKind.ESCALATED}
    assert reminded == {Role.LEAD, Role.IMPLEMENTING}
    assert {Role.LEAD, Role.CONSOLIDATING} <= escalated
    assert {entry.subject for entry in urged.entries} == {f"{ALERT}!reminder:1", f"{ALERT}!escalated:1"}
    assert (NoticeKind.ESCALATED, PROVINCE, Role.SUPERIOR) not in told(urged.entries)


def test_the_second_escalation_reaches_the_province_and_the_owners_are_told_of_it(catalog: Catalog) -> None:
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())
    course, _ = fire(course, evening(10, 22))

    entries = due(catalog, course, alert, evening(10, 29)).entries

    assert (NoticeKind.ESCALATED, PROVINCE, Role.SUPERIOR) in told(entries)
    assert (NoticeKind.ESCALATED, OFFICE, Role.CONSOLIDATING) in told(entries)


def test_a_role_that_a_step_names_is_told_though_its_own_policy_leaves_escalations_out(catalog: Catalog) -> None:
    step = EscalationStep(after_working_days=1, to_role=Role.COORDINATING, level_vi="cấp huyện")
    planner = Planner(with_policies(catalog, escalation=(EscalationPolicy(id="p", steps=(step,)),)), Windows())
    low = a_change(1, a_cell("health", 20, 25, threshold=100), node="xa_ntm/17.10", threshold=100.0)
    alert, course = alert_and_course(planner, low)

    entries = urge(planner, [course], {alert.id: alert}, evening(10, 16), []).entries

    assert Role.COORDINATING in {role for kind, _, role in told(entries) if kind is NoticeKind.ESCALATED}


def test_every_transition_of_a_course_is_a_line_of_the_audit(catalog: Catalog) -> None:
    """OnCall: every transition is a log record."""
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())
    held = acknowledge(course, "Nguyễn Văn A", evening(10, 17), CALENDAR)

    fired = due(catalog, course, alert, evening(10, 22))
    lapsed = due(catalog, held, alert, evening(10, 31))

    assert [line.kind for line in fired.audit] == [AuditKind.REMINDED, AuditKind.ESCALATED]
    assert [line.kind for line in lapsed.audit] == [AuditKind.ACKNOWLEDGEMENT_LAPSED]
    assert '"acknowledged_by":"Nguyễn Văn A"' in lapsed.audit[0].details
    assert {line.alert_id for line in (*fired.audit, *lapsed.audit)} == {ALERT}


def test_a_lapsed_acknowledgement_is_told_as_a_reminder_of_its_own(catalog: Catalog) -> None:
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())
    held = acknowledge(course, "Nguyễn Văn A", evening(10, 17), CALENDAR)

    urged = due(catalog, held, alert, evening(10, 31))

    assert {(entry.kind, entry.subject) for entry in urged.entries} == {
        (NoticeKind.REMINDER, f"{ALERT}!lapsed:2024-10-31")
    }
    assert urged.courses[0].state is CourseState.RUNNING


def test_the_course_of_an_alert_that_is_over_ends_and_tells_nothing(catalog: Catalog) -> None:
    planner = Planner(catalog, Windows())
    _, course = alert_and_course(planner, a_breach())
    over = apply([], [], [a_breach(1), a_recovery(2)]).alerts[ALERT]

    urged = urge(planner, [course], {ALERT: over}, evening(10, 22), [])

    assert (urged.entries, urged.courses[0].state) == ([], CourseState.ENDED)


def test_units_above_that_were_told_hear_of_the_end(catalog: Catalog) -> None:
    planner = Planner(catalog, Windows())
    _, course = alert_and_course(planner, a_breach())
    told_all, _ = fire(course, evening(10, 29))
    steps = apply([], [], [a_breach(1), a_recovery(2)]).steps

    without = planner.plan(steps, [], evening(10, 30))
    with_above = planner.plan(steps, [], evening(10, 30), escalated=[told_all])

    assert (NoticeKind.RESOLVED, PROVINCE, Role.SUPERIOR) in told(with_above.entries)
    assert told(with_above.entries) - told(without.entries) == {(NoticeKind.RESOLVED, PROVINCE, Role.SUPERIOR)}


def test_a_reminder_waits_for_the_office_to_open_and_for_a_silence_to_end(catalog: Catalog) -> None:
    alert, course = alert_and_course(Planner(catalog, Windows()), a_breach())
    now = evening(10, 22)
    silence = Silence("s1", "Nguyễn Văn A", "bảo trì", now, evening(10, 25), responsible_units=frozenset({"bhxh"}))
    offices = tuple(address.model_copy(update={"hours": "office"}) for address in catalog.addresses)
    fields = {name: getattr(catalog, name) for name in Catalog.model_fields}

    silenced = urge(Planner(catalog, Windows()), [course], {alert.id: alert}, now, [silence]).entries
    closed = urge(
        Planner(Catalog(**fields | {"addresses": offices}), Windows()), [course], {alert.id: alert}, now, []
    ).entries

    reminders = [entry for entry in silenced if entry.kind is NoticeKind.REMINDER]
    assert {entry.responsible_unit for entry in reminders if entry.held_for is HeldFor.SILENCE} == {"bhxh"}
    assert {entry.held_for for entry in closed if entry.kind is NoticeKind.REMINDER} == {HeldFor.QUIET_HOURS}
    assert {entry.wait_seconds for entry in closed if entry.kind is NoticeKind.REMINDER} == {14.5 * 3600}


def test_a_step_has_the_same_subject_whoever_finds_it_due(catalog: Catalog) -> None:
    course = course_of(catalog)

    subjects = [step_subject(course.alert_id, step) for step in course.steps]

    assert len(set(subjects)) == len(course.steps)


def test_a_gap_of_data_takes_the_course_of_gaps(catalog: Catalog) -> None:
    gap = a_change(1, a_cell("male", 1200, 1250), a_silent_cell("female", Reason.MISSING_SEX))

    assert alert_and_course(Planner(catalog, Windows()), gap)[1].policy == "data_gap"
