"""Which entries go together into one message."""

import datetime as dt
from typing import Any

import pytest

from services.notifier.domain.grouping import Group, ItemKind, group
from services.notifier.domain.ledger import DueEntry
from shared.contracts.vocabulary import Cause, Channel, NoticeKind, Role

ALERT = "06208:xa_ntm/15.1:female:1"
ADDRESS = "bhxh@langson.example"


def entry(number: int, kind: NoticeKind, subject: str = "", **fields: Any) -> DueEntry:
    known: dict[str, Any] = {
        "alert_id": ALERT,
        "unit": "06208",
        "node": "xa_ntm/15.1",
        "cell": "female",
        "as_of": dt.date(2024, 10, 15),
        "cause": Cause.DATA,
        "sequence": 0,
        "responsible_unit": "bhxh",
        "role": Role.LEAD,
        "channel": Channel.MAIL,
        "address": ADDRESS,
        "dispatch": "caoloc-ubnd-vp-2024-09",
        "clauses": (),
        "gap_vi": None,
        "no_address_units": (),
    }
    return DueEntry(id=number, subject=subject or f"{kind}:{number}", kind=kind, **(known | fields))


def kinds(groups: list[Group]) -> list[list[ItemKind]]:
    return [[item.kind for item in each.items] for each in groups]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        pytest.param((NoticeKind.OPENED, NoticeKind.RESOLVED), ItemKind.OPENED_AND_RESOLVED, id="opened and resolved"),
        pytest.param(
            (NoticeKind.ESCALATED, NoticeKind.RESOLVED), ItemKind.OPENED_AND_RESOLVED, id="reported above and resolved"
        ),
        pytest.param((NoticeKind.REMINDER, NoticeKind.RESOLVED), ItemKind.RESOLVED, id="reminded of and resolved"),
        pytest.param((NoticeKind.REMINDER, NoticeKind.ESCALATED), ItemKind.ESCALATED, id="reminded of and reported"),
        pytest.param((NoticeKind.REMINDER, NoticeKind.OPENED), ItemKind.OPENED, id="opened and reminded of"),
        pytest.param((NoticeKind.FLAPPING, NoticeKind.RESOLVED), ItemKind.RESOLVED, id="flapping and resolved"),
        pytest.param((NoticeKind.AT_RISK,), ItemKind.AT_RISK, id="at risk"),
    ],
)
def test_the_entries_of_one_alert_are_one_item(told: tuple[NoticeKind, ...], kind: ItemKind) -> None:
    groups = group([entry(number, notice) for number, notice in enumerate(told)], 100)

    assert kinds(groups) == [[kind]]
    assert groups[0].entry_ids == tuple(range(len(told)))


def test_a_reminder_keeps_its_own_number_among_the_entries_of_its_alert() -> None:
    reminder = entry(1, NoticeKind.REMINDER, f"{ALERT}!reminder:3")

    (found,) = group([reminder, entry(2, NoticeKind.REMINDER, f"{ALERT}!reminder:4", role=Role.DATA)], 100)

    assert found.items[0].entry.subject == f"{ALERT}!reminder:4"


@pytest.mark.parametrize("apart", [NoticeKind.REPORT, NoticeKind.DRILL])
def test_a_report_and_a_drill_are_never_mixed_with_alerts(apart: NoticeKind) -> None:
    lone = entry(2, apart, f"{apart}:1:bhxh:183", alert_id=None)

    groups = group([entry(1, NoticeKind.OPENED), lone, entry(3, NoticeKind.OPENED, alert_id="other")], 100)

    assert kinds(groups) == [[ItemKind.OPENED, ItemKind.OPENED], [ItemKind(apart)]]


def test_every_report_is_a_message_of_its_own() -> None:
    entries = [entry(number, NoticeKind.REPORT, f"report:{number}", alert_id=None) for number in (1, 2)]

    assert kinds(group(entries, 100)) == [[ItemKind.REPORT], [ItemKind.REPORT]]


def test_an_address_of_two_units_gets_one_mail_of_a_drill() -> None:
    entries = [entry(n, NoticeKind.DRILL, f"drill:1:{unit}:183", alert_id=None) for n, unit in enumerate("ab")]
    later = entry(3, NoticeKind.DRILL, "drill:2:a:183", alert_id=None)

    assert [len(each.items) for each in group([*entries, later], 100)] == [2, 1]


def test_what_was_reported_above_comes_first_and_what_is_over_last() -> None:
    told = (NoticeKind.RESOLVED, NoticeKind.AT_RISK, NoticeKind.OPENED, NoticeKind.ESCALATED)

    groups = group([entry(number, kind, alert_id=str(number)) for number, kind in enumerate(told)], 100)

    assert kinds(groups) == [[ItemKind.ESCALATED, ItemKind.OPENED, ItemKind.AT_RISK, ItemKind.RESOLVED]]
