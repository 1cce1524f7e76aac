"""What the course of an alert says to a reader: until when, what was acknowledged, why it was told above."""

import datetime as dt
import functools

from services.notifier.domain.course import Course, CourseState, CourseStep
from services.notifier.domain.facts import Facts
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.numbers_vi import VIET_NAM, count_vi, date_vi, moment_vi
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.policies import CalendarDay
from shared.contracts.vocabulary import AlertKind, NoticeKind

LOCAL_POLICY_VI = "quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn"
_MOST_CALENDARS = 8
_ONE_DAY = dt.timedelta(days=1)


@functools.lru_cache(maxsize=_MOST_CALENDARS)
def calendar_of(corrections: tuple[CalendarDay, ...]) -> WorkingCalendar:
    """Return the working calendar with the corrections of a catalog; it remembers what it has counted."""
    return WorkingCalendar(corrections)


def policy_vi(*, owned: bool) -> str:
    """Return what must stand beside every deadline: that it is local, and whose it is when not the addressee's own.

    >>> policy_vi(owned=False)
    'của đơn vị có trách nhiệm – quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn'
    """
    return LOCAL_POLICY_VI if owned else f"của đơn vị có trách nhiệm – {LOCAL_POLICY_VI}"


def deadlines_of(course: Course, calendar: WorkingCalendar) -> tuple[str, ...]:
    """Return the deadlines that still lie ahead of a running course, and those that it has passed."""
    if course.state is not CourseState.RUNNING:
        return ()
    lines: list[str] = []
    if course.acknowledge_by is not None and course.acknowledged_at is None:
        lines.append(f"hạn xác nhận đã tiếp nhận: {_until(course.acknowledge_by, calendar)}")
    escalations = [(place, step) for place, step in enumerate(course.steps) if step.kind is NoticeKind.ESCALATED]
    for place, step in escalations:
        if place < course.position:
            lines.append(f"đã quá hạn {date_vi(step.at)}, đã báo cáo {_level(step)}")
        else:
            lines.append(f"hạn có kết quả: {_until(step.at, calendar)}; quá hạn sẽ báo cáo {_level(step)}")
    reminder = next((step for step in course.steps[course.position :] if step.kind is NoticeKind.REMINDER), None)
    if reminder is not None:
        lines.append(f"nhắc việc lần {reminder.level}: {_until(reminder.at, calendar)}")
    return tuple(lines)


def acknowledgement_of(course: Course) -> str:
    """Return who has confirmed the receipt and what that holds back; or that nobody has."""
    if course.acknowledged_at is None:
        return "chưa có đơn vị nào xác nhận đã tiếp nhận"
    who = f"đã tiếp nhận bởi {course.acknowledged_by or 'người không nêu tên'} lúc {moment_vi(course.acknowledged_at)}"
    if course.state is CourseState.RUNNING:
        return f"{who}; xác nhận đã hết thời hạn mà chưa có kết quả nên việc nhắc và báo cáo cấp trên tiếp tục"
    until = f" đến {moment_vi(course.acknowledged_until)}" if course.acknowledged_until is not None else ""
    return f"{who}; tạm dừng nhắc việc và báo cáo cấp trên{until}"


def step_of(course: Course | None, entry: DueEntry) -> CourseStep | None:
    """Return the step of a course that an entry tells of: that of its kind and number."""
    if course is None:
        return None
    number = number_of(entry)
    return next((step for step in course.steps if (step.kind, step.level) == (entry.kind, number)), None)


def number_of(entry: DueEntry) -> int:
    """Return the number of a reminder or escalation, which ends the subject of its entry; 0 without one."""
    number = entry.subject.rpartition(":")[2]
    return int(number) if "!" in entry.subject and number.isdecimal() else 0


def level_vi(course: Course | None, entry: DueEntry) -> str:
    """Return the words for the level that an escalation goes to: "cấp tỉnh"."""
    step = step_of(course, entry)
    return _level(step) if step is not None else f"lần {number_of(entry)}"


def escalation_of(facts: Facts, course: Course | None, entry: DueEntry, calendar: WorkingCalendar, owners: str) -> str:
    """Return why an alert was told above: since when, for how many working days, who holds the duty, what was heard."""
    wrong = "thiếu số liệu" if facts.alert.kind is AlertKind.DATA_GAP else "chưa đạt"
    reasons = [level_vi(course, entry), f"{wrong} từ {date_vi(facts.alert.opened_at)}"]
    step = step_of(course, entry)
    days = 0 if step is None else _working_days(calendar, facts.alert.opened_at, step.at)
    waited = f"đã quá {count_vi(days)} ngày làm việc" if days else "đã quá thời hạn"
    heard = "chưa có xác nhận tiếp nhận và " if course is None or course.acknowledged_at is None else ""
    reasons.append(f"{waited} {heard}chưa có kết quả")
    if owners:
        reasons.append(owners[:1].lower() + owners[1:])
    return "; ".join(reasons)


def _working_days(calendar: WorkingCalendar, since: dt.datetime, until: dt.datetime) -> int:
    """Return the working days after the day of `since`, up to the day of `until`."""
    day, last = since.astimezone(VIET_NAM).date(), until.astimezone(VIET_NAM).date()
    found = 0
    while day < last:
        day += _ONE_DAY
        found += calendar.is_working(day)
    return found


def _until(moment: dt.datetime, calendar: WorkingCalendar) -> str:
    caveat = calendar.caveat_vi(moment.astimezone(VIET_NAM).date())
    return f"{moment_vi(moment)} ({caveat.rstrip('.')})" if caveat else moment_vi(moment)


def _level(step: CourseStep) -> str:
    return step.level_vi or f"lần {step.level}"
