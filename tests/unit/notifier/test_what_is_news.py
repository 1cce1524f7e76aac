"""When there is something to tell: the cases of Alertmanager's stage that drops what was told before."""

import datetime as dt
from collections.abc import Sequence

import pytest

from services.notifier.domain.alerts import Alert
from services.notifier.domain.book import Outcome, apply
from services.notifier.domain.ledger import Entry
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.urging import urge
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import Policies, RolePolicy
from shared.contracts.vocabulary import ChangeKind, NoticeKind, Role, Timing
from shared.contracts.wire import VerdictChanged
from shared.testing.verdicts import MORNING, a_breach, a_recovery

OTHER = "06211"
FIRST = [a_breach(1)]
BOTH = [a_breach(1), a_breach(2, unit=OTHER)]
News = list[tuple[str, NoticeKind]]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def after(changes: Sequence[VerdictChanged]) -> Outcome:
    return apply([], [], changes)


def then(before: Outcome, *changes: VerdictChanged) -> Outcome:
    newest: dict[tuple[str, str], Alert] = {}
    for alert in sorted(before.alerts.values(), key=lambda alert: alert.occurrence):
        newest[alert.key.unit, alert.key.cell] = alert
    return apply(newest.values(), before.marks.values(), changes)


def told(entries: Sequence[Entry], role: Role = Role.LEAD) -> News:
    return [(entry.unit, entry.kind) for entry in entries if entry.role is role]


@pytest.mark.parametrize(
    ("before", "changes", "news"),
    [
        pytest.param([], FIRST, [("06208", NoticeKind.OPENED)], id="first"),
        pytest.param(FIRST, [a_breach(2, unit=OTHER)], [(OTHER, NoticeKind.OPENED)], id="new in group"),
        pytest.param(
            BOTH,
            [a_recovery(3), a_recovery(4, unit=OTHER)],
            [("06208", NoticeKind.RESOLVED), (OTHER, NoticeKind.RESOLVED)],
            id="all resolved",
        ),
        pytest.param(BOTH, [a_recovery(3)], [("06208", NoticeKind.RESOLVED)], id="new resolved"),
        pytest.param(BOTH, [a_breach(3, kind=ChangeKind.EVIDENCE)], [], id="nothing"),
    ],
)
def test_only_what_has_not_been_told_is_news(
    catalog: Catalog, before: list[VerdictChanged], changes: list[VerdictChanged], news: News
) -> None:
    """TestDedupStageNeedsUpdate."""
    outcome = then(after(before), *changes)

    assert told(Planner(catalog, Windows()).plan(outcome.steps, [], MORNING).entries) == news


def test_what_still_lasts_is_told_again_when_its_time_has_come(catalog: Catalog) -> None:
    """TestDedupStageNeedsUpdate, "repeat elapsed"."""
    planner, outcome = Planner(catalog, Windows()), after(FIRST)
    courses = planner.plan(outcome.steps, [], MORNING).courses
    too_soon, in_time = MORNING + dt.timedelta(days=6), MORNING + dt.timedelta(days=8)

    assert urge(planner, courses, outcome.alerts, too_soon, []).entries == []
    reminders = told(urge(planner, courses, outcome.alerts, in_time, []).entries)
    assert ("06208", NoticeKind.REMINDER) in reminders


def test_a_role_that_is_told_no_ends_gets_none_and_the_next_breach_all_the_same(catalog: Catalog) -> None:
    """TestRetryStageNoResolved."""
    only_openings = (RolePolicy(role=Role.LEAD, tells={NoticeKind.OPENED: Timing.IMMEDIATE}),)
    fields = {name: getattr(catalog, name) for name in Catalog.model_fields}
    planner = Planner(Catalog(**fields | {"policies": Policies(roles=only_openings)}), Windows())

    outcome = after([a_breach(1), a_recovery(2), a_breach(3)])
    entries = planner.plan(outcome.steps, [], MORNING).entries

    assert [(entry.subject, entry.kind) for entry in entries] == [
        ("06208:xa_ntm/15.1:female:1", NoticeKind.OPENED),
        ("06208:xa_ntm/15.1:female:2", NoticeKind.OPENED),
    ]
