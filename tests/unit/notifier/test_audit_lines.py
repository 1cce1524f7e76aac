import datetime as dt
import json

from services.notifier.domain.audit import AuditKind, AuditLine, routing_lines
from services.notifier.domain.book import Book
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import NodeKind, VerdictStatus
from shared.contracts.wire import VerdictChanged
from shared.testing.catalogs import shipped_at_once
from shared.testing.verdicts import MORNING, a_breach, a_change, a_recovery, a_silent_cell

NOW = MORNING + dt.timedelta(hours=1)


def lines_of(*changes: VerdictChanged, catalog: Catalog | None = None) -> list[AuditLine]:
    """The audit of changes that come one after the other."""
    planner = Planner(catalog or shipped_at_once(), Windows(5, 60))
    book = Book()
    book.learn(book.unknown(changes), (), ())
    lines: list[AuditLine] = []
    for change in changes:
        outcome = book.apply([change])
        lines += planner.plan(outcome.steps, outcome.rollups, NOW).audit
    return lines


def test_every_transition_of_an_alert_is_a_log_record() -> None:
    """OnCall: every transition is a log record, also one that nobody is told of."""
    silent = a_change(2, a_silent_cell("male"), a_silent_cell("female"))
    lines = lines_of(a_breach(1), silent, a_breach(3), a_recovery(4))

    told = [(line.kind, json.loads(line.details)["action"]) for line in lines if "female" in (line.alert_id or "")]

    assert told == [
        (AuditKind.OPENED, "opened"),
        (AuditKind.ROUTED, "data_lost"),
        (AuditKind.ROUTED, "data_back"),
        (AuditKind.ENDED, "resolved"),
    ]


def test_newer_numbers_of_an_alert_that_stays_are_no_line() -> None:
    again = a_breach(2, from_status=VerdictStatus.NOT_MET)

    assert len(lines_of(a_breach(1), again)) == 1


def test_a_line_names_addressees_with_clauses_and_due_times_and_the_version_of_the_rules() -> None:
    catalog = shipped_at_once()

    (line,) = lines_of(a_breach(), catalog=catalog)

    details = json.loads(line.details)
    lead = next(each for each in details["told"] if each["role"] == "lead")
    due = dt.datetime.fromisoformat(details["due"])
    assert (details["ruleset"], details["rules"], details["catalog"]) == ("R318", "test", catalog.digest)
    assert (details["dispatch"], details["cause"], details["events"]) == ("caoloc-ubnd-vp-2024-09", "data", ["e1"])
    assert (lead["unit"], lead["address"], bool(lead["clauses"])) == ("bhxh", "bhxh.caoloc@langson.example", True)
    assert due == NOW + dt.timedelta(seconds=5)


def test_news_that_reaches_nobody_is_a_line_that_says_why() -> None:
    (line,) = lines_of(a_breach(unit="01"))

    (nobody,) = json.loads(line.details)["told"]
    assert (nobody["status"], nobody["reason"]) == ("unroutable", "no_dispatch")


def test_a_roll_up_change_that_is_told_is_a_line_of_no_alert() -> None:
    change = a_change(
        5,
        node="xa_ntm",
        node_kind=NodeKind.STANDARD,
        to=VerdictStatus.NOT_MET,
        from_status=VerdictStatus.MET,
    )

    (line,) = lines_of(change)

    details = json.loads(line.details)
    assert (line.kind, line.alert_id, details["notice"]) == (AuditKind.ROUTED, None, "rollup")
    assert {each["role"] for each in details["told"]} >= {"consolidating"}


def test_without_news_there_is_no_line() -> None:
    assert routing_lines([], [], NOW, "x") == []
