"""When the planner lets news go: policy by role, digests, office hours, silences, and alerts that calm down."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from services.notifier.domain.alerts import Step
from services.notifier.domain.book import apply
from services.notifier.domain.ledger import Entry, HeldFor, LedgerStatus, UnroutableReason
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.silences import Silence
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import UNROUTED_UNIT, Policies, RolePolicy, SuperiorUnit, Unrouted
from shared.contracts.vocabulary import Channel, NodeKind, NoticeKind, Role, Timing, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.verdicts import a_breach, a_change, a_recovery

# A Tuesday morning in Viet Nam; the Friday before, in the evening.
MORNING = dt.datetime(2024, 10, 15, 9, 30, tzinfo=VIET_NAM)
FRIDAY_EVENING = dt.datetime(2024, 10, 11, 20, 0, tzinfo=VIET_NAM)
DIGEST = dt.datetime(2024, 10, 15, 16, 0, tzinfo=VIET_NAM)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def altered(catalog: Catalog, parts: dict[str, Any] | None = None, **policies: Any) -> Catalog:
    """Return the catalog with other `parts`, and with parts of its policies changed."""
    kept = {name: getattr(catalog.policies, name) for name in Policies.model_fields}
    fields = {name: getattr(catalog, name) for name in Catalog.model_fields}
    return Catalog(**fields | {"policies": Policies(**kept | policies)} | (parts or {}))


def in_the_office(catalog: Catalog) -> Catalog:
    """Return the catalog with office hours for every address."""
    addresses = tuple(address.model_copy(update={"hours": "office"}) for address in catalog.addresses)
    return altered(catalog, {"addresses": addresses})


def plan(
    catalog: Catalog,
    *changes: VerdictChanged,
    now: dt.datetime = MORNING,
    silences: tuple[Silence, ...] = (),
    flapping: bool = False,
) -> list[Entry]:
    outcome = apply([], [], changes)
    steps = [_flapping(step) if flapping else step for step in outcome.steps]
    return Planner(catalog, Windows(5, 60)).plan(steps, outcome.rollups, now, silences).entries


def _flapping(step: Step) -> Step:
    return msgspec.structs.replace(step, alert=msgspec.structs.replace(step.alert, flapping=True))


def food() -> VerdictChanged:
    cell = CellFinding(
        cell="health",
        status=VerdictStatus.NOT_MET,
        reason=VerdictReason.BELOW_TARGET,
        numerator=20,
        denominator=25,
        gap=5,
    )
    return a_change(1, cell, node="xa_ntm/17.10", threshold=100.0)


def when(entries: list[Entry], now: dt.datetime = MORNING) -> dict[Role, tuple[dt.datetime, HeldFor | None]]:
    return {each.role: (now + dt.timedelta(seconds=each.wait_seconds), each.held_for) for each in entries}


def silence(until: dt.datetime, **scope: Any) -> Silence:
    return Silence("s1", "Nguyễn Văn A", "đang rà soát", MORNING - dt.timedelta(days=1), until, **scope)


def test_each_role_is_told_at_once_or_by_digest_as_its_policy_says(catalog: Catalog) -> None:
    soon = MORNING + dt.timedelta(seconds=5)

    assert when(plan(catalog, a_breach())) == {
        Role.LEAD: (soon, None),
        Role.CONSOLIDATING: (DIGEST, HeldFor.DIGEST),
        Role.IMPLEMENTING: (soon, None),
        Role.DATA: (soon, None),
    }


def test_where_nobody_leads_those_who_can_settle_it_are_told_at_once(catalog: Catalog) -> None:
    """Probe D6: the Office does not wait for its digest to learn that an alert has no owner."""
    told = when(plan(catalog, food()))

    assert told[Role.CONSOLIDATING] == told[Role.DIRECTING] == (MORNING + dt.timedelta(seconds=5), None)
    assert told[Role.COORDINATING] == (DIGEST, HeldFor.DIGEST)


def the_end(catalog: Catalog, **asked: Any) -> dict[Role, tuple[dt.datetime, HeldFor | None]]:
    """Return when each role is told that a breach of before is over."""
    opened = apply([], [], [a_breach(1)])
    over = apply([opened.steps[0].alert], list(opened.marks.values()), [a_recovery(2)])
    now = asked.get("now", MORNING)
    planner = Planner(catalog, Windows(5, 60))
    return when(planner.plan(over.steps, [], now, asked.get("silences", ())).entries, now)


def test_a_place_is_told_the_same_news_in_all_its_roles_as_soon_as_in_any(catalog: Catalog) -> None:
    """BHXH leads and keeps the data: the end, at once for one and by digest for the other, is one message."""
    told = the_end(catalog)

    assert told[Role.LEAD] == told[Role.DATA] == (MORNING + dt.timedelta(seconds=5), None)
    assert told[Role.CONSOLIDATING] == (DIGEST, HeldFor.DIGEST), "it has an address of its own"


def test_units_that_share_a_mail_box_are_told_together(catalog: Catalog) -> None:
    shared = tuple(address.model_copy(update={"mail": ("chung@langson.example",)}) for address in catalog.addresses)

    told = the_end(altered(catalog, {"addresses": shared}))

    assert set(told.values()) == {(MORNING + dt.timedelta(seconds=5), None)}


def test_news_that_is_told_sooner_for_another_role_waits_for_office_hours_and_silences(catalog: Catalog) -> None:
    until = MORNING + dt.timedelta(hours=2)
    opens = dt.datetime(2024, 10, 14, 7, 30, tzinfo=VIET_NAM)

    silenced = the_end(catalog, silences=(silence(until, responsible_units=frozenset({"bhxh"})),))
    at_night = the_end(in_the_office(catalog), now=FRIDAY_EVENING)

    assert silenced[Role.LEAD] == silenced[Role.DATA] == (until, HeldFor.SILENCE)
    assert at_night[Role.LEAD] == at_night[Role.DATA] == (opens, HeldFor.QUIET_HOURS)


def test_news_outside_the_office_hours_of_its_addressee_waits_for_them(catalog: Catalog) -> None:
    opens = dt.datetime(2024, 10, 14, 7, 30, tzinfo=VIET_NAM)

    told = when(plan(in_the_office(catalog), a_breach(), now=FRIDAY_EVENING), FRIDAY_EVENING)

    assert told[Role.LEAD] == (opens, HeldFor.QUIET_HOURS)
    assert told[Role.CONSOLIDATING] == (opens.replace(hour=16, minute=0), HeldFor.DIGEST)


def test_a_silence_holds_only_what_it_covers(catalog: Catalog) -> None:
    """TestSilencing: other addressees and chỉ tiêu are told as ever; what is silenced waits for its end."""
    until = MORNING + dt.timedelta(hours=2)
    silent = silence(until, nodes=frozenset({"xa_ntm/15.1"}), responsible_units=frozenset({"bhxh"}))

    told = when(plan(catalog, a_breach(), silences=(silent,)))

    assert told[Role.LEAD] == told[Role.DATA] == (until, HeldFor.SILENCE)
    assert told[Role.IMPLEMENTING] == (MORNING + dt.timedelta(seconds=5), None)
    assert when(plan(catalog, food(), silences=(silent,)))[Role.DIRECTING][1] is None


def test_a_silence_that_is_over_or_yet_to_come_holds_nothing(catalog: Catalog) -> None:
    over = silence(MORNING - dt.timedelta(hours=1))
    ahead = msgspec.structs.replace(
        over, starts_at=MORNING + dt.timedelta(hours=1), ends_at=MORNING + dt.timedelta(hours=3)
    )

    assert when(plan(catalog, a_breach(), silences=(over, ahead)))[Role.LEAD][1] is None


def test_roll_ups_are_silenced_with_their_unit(catalog: Catalog) -> None:
    until = MORNING + dt.timedelta(hours=2)
    change = a_change(7, to=VerdictStatus.NOT_MET, node="xa_ntm", node_kind=NodeKind.STANDARD)

    told = when(plan(catalog, change, silences=(silence(until, units=frozenset({"06208"})),)))

    assert told == {Role.CONSOLIDATING: (until, HeldFor.SILENCE)}


def test_the_flips_of_an_alert_that_flaps_wait_until_it_is_calm(catalog: Catalog) -> None:
    told = when(plan(catalog, a_breach(), flapping=True))

    assert told[Role.LEAD] == (MORNING + dt.timedelta(hours=24), HeldFor.FLAPPING)
    assert told[Role.CONSOLIDATING] == (DIGEST + dt.timedelta(days=1), HeldFor.FLAPPING)


def test_a_kind_of_news_that_no_role_is_told_plans_nothing(catalog: Catalog) -> None:
    """Left out by choice: not the same as news that nobody is there for, which is kept as unroutable."""
    lead = RolePolicy(role=Role.LEAD, tells={NoticeKind.RESOLVED: Timing.IMMEDIATE})

    assert plan(altered(catalog, roles=(lead,)), a_breach()) == []


def test_news_whose_roles_the_dispatch_does_not_give_is_unroutable(catalog: Catalog) -> None:
    directing = RolePolicy(role=Role.DIRECTING, tells={NoticeKind.OPENED: Timing.IMMEDIATE})

    operator = Unrouted(mail=("quantri@langson.example",))

    (entry,) = plan(altered(catalog, roles=(directing,)), a_breach())
    again, told = plan(altered(catalog, roles=(directing,), unrouted=operator), a_breach())

    assert (entry.status, entry.reason) == (LedgerStatus.UNROUTABLE, UnroutableReason.NO_ASSIGNMENT)
    assert again == entry
    assert "không nêu đơn vị nào nhận nội dung này" in str(told.gap_vi)


def test_a_role_may_be_told_that_a_breach_opens_and_not_that_it_is_met_and_is_told_when_it_opens_again(
    catalog: Catalog,
) -> None:
    """TestResolvedFilter: per-role choice of "met" notices; a breach that comes back is always told."""
    lead = RolePolicy(role=Role.LEAD, tells={NoticeKind.OPENED: Timing.IMMEDIATE})
    both = RolePolicy(
        role=Role.IMPLEMENTING, tells=dict.fromkeys((NoticeKind.OPENED, NoticeKind.RESOLVED), Timing.DIGEST)
    )

    entries = plan(altered(catalog, roles=(lead, both)), a_breach(1), a_recovery(2), a_breach(3))

    assert [(entry.kind.value, entry.subject[-1]) for entry in entries if entry.role is Role.LEAD] == [
        ("opened", "1"),
        ("opened", "2"),
    ]
    assert [(e.kind.value, e.subject[-1]) for e in entries if e.role is Role.IMPLEMENTING] == [
        ("opened", "1"),
        ("resolved", "1"),
        ("opened", "2"),
    ]


def test_a_new_version_of_dispatches_and_policies_tells_nothing_of_alerts_that_stand(catalog: Catalog) -> None:
    """TestReload: nothing is planned without news, and later news has the ledger's key of before."""
    standing = apply([], [], [a_breach(1)])
    reloaded = Planner(issued_anew(catalog), Windows(5, 60))

    unchanged = apply([standing.steps[0].alert], list(standing.marks.values()), [a_breach(2)])
    again = reloaded.plan(standing.steps, [], MORNING).entries

    assert reloaded.plan([], [], MORNING).entries == []
    assert reloaded.plan(unchanged.steps, [], MORNING).entries == []
    before = Planner(catalog, Windows(5, 60)).plan(standing.steps, [], MORNING).entries
    assert {entry.dispatch for entry in again}.isdisjoint(entry.dispatch for entry in before)
    assert [key_of(entry) for entry in again] == [key_of(entry) for entry in before]


def issued_anew(catalog: Catalog) -> Catalog:
    """Return the catalog with each dispatch replaced by one of another id that charges the same units."""
    dispatches = tuple(each.model_copy(update={"id": f"{each.id}-v2"}) for each in catalog.dispatches)
    addresses = tuple(each.model_copy(update={"dispatch": f"{each.dispatch}-v2"}) for each in catalog.addresses)
    return altered(catalog, {"digest": "newer", "dispatches": dispatches, "addresses": addresses}, escalation=())


def key_of(entry: Entry) -> tuple[str, str, str, str, Channel | None, str]:
    """Return what the ledger holds once only."""
    return entry.subject, entry.kind, entry.responsible_unit, entry.role, entry.channel, entry.address


def test_news_that_no_dispatch_routes_goes_to_the_operator_when_one_is_named(catalog: Catalog) -> None:
    named = altered(catalog, unrouted=Unrouted(mail=("quantri@langson.example",)))
    late = a_breach(as_of=dt.date(2026, 1, 15))

    kept, told = plan(named, late)

    assert plan(catalog, late) == [kept]
    assert (kept.status, kept.reason) == (LedgerStatus.UNROUTABLE, UnroutableReason.NO_DISPATCH)
    assert (told.status, told.responsible_unit, told.address) == (
        LedgerStatus.WAITING,
        UNROUTED_UNIT,
        "quantri@langson.example",
    )
    assert "Không có văn bản phân công nào có hiệu lực" in str(told.gap_vi)
    assert when([told]) == {Role.INFORMED: (DIGEST, HeldFor.DIGEST)}, "no document charges it with anything"


def test_what_reaches_nobody_for_want_of_addresses_goes_to_the_operator_too(catalog: Catalog) -> None:
    operator = Unrouted(mail=("quantri@langson.example",), timing=Timing.IMMEDIATE)
    nowhere = altered(catalog, {"addresses": ()}, unrouted=operator)

    *unreachable, told = plan(nowhere, a_breach())

    assert {entry.reason for entry in unreachable} == {UnroutableReason.NO_ADDRESS}
    assert (told.address, told.held_for) == ("quantri@langson.example", None)
    assert (told.no_address_units, told.gap_vi) == (("bhxh", "vp_hdnd_ubnd", "ubnd_xa"), None)
    assert UNROUTED_UNIT not in {e.responsible_unit for e in plan(altered(catalog, unrouted=operator), a_breach())}


def test_a_unit_above_is_reached_for_the_communes_of_its_scope_while_it_exists(catalog: Catalog) -> None:
    above = SuperiorUnit(
        id="syt",
        name_vi="Sở Y tế",
        scope=("20",),
        effective_to=dt.date(2025, 6, 30),
        mail=("s@x.example",),
        hours="office",
    )
    addressees = Planner(altered(catalog, superiors=(above,)), Windows()).addressees
    day = dt.date(2024, 10, 15)

    (reach,) = addressees.of_superior("syt", "06208", day)

    assert (reach.addressee.address, reach.addressee.role, reach.hours) == ("s@x.example", Role.SUPERIOR, "office")
    assert addressees.of_superior("syt", "30742", day) == (), "a commune of another province"
    assert addressees.of_superior("syt", "06208", dt.date(2025, 7, 1)) == (), "it has ended"
    assert addressees.of_superior("other", "06208", day) == ()
