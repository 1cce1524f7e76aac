import datetime as dt
from typing import Any

import pytest

from services.notifier.domain.book import apply
from services.notifier.domain.ledger import Entry, LedgerStatus, UnroutableReason
from services.notifier.domain.planning import Plan, Planner
from services.notifier.domain.policy import Windows
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import Address
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import CommunePhase, Policies
from shared.contracts.vocabulary import Channel, NodeKind, NoticeKind, Phase, Role, Timing, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.catalogs import shipped_at_once
from shared.testing.verdicts import MORNING, a_breach, a_change, a_recovery, a_silent_cell

BHXH = "bhxh.caoloc@langson.example"
OFFICE = "vanphong.caoloc@langson.example"
COMMUNE = "ubnd.xa.thuyhung.caoloc@langson.example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def plan(catalog: Catalog, *changes: VerdictChanged) -> Plan:
    outcome = apply([], [], changes)
    return Planner(catalog, Windows(5, 60)).plan(outcome.steps, outcome.rollups, MORNING)


def routes(entries: list[Entry]) -> list[tuple[str, Role, str]]:
    return [(entry.responsible_unit, entry.role, entry.address) for entry in entries]


def without_address(catalog: Catalog, *units: str) -> Catalog:
    kept = tuple(address for address in catalog.addresses if address.unit not in units)
    return with_addresses(catalog, kept)


def with_addresses(catalog: Catalog, addresses: tuple[Address, ...]) -> Catalog:
    # Not model_copy: it would carry over the look-ups that the catalog has cached.
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"addresses": addresses})


def with_policies(catalog: Catalog, **changed: Any) -> Catalog:
    policies = Policies(**{name: getattr(catalog.policies, name) for name in Policies.model_fields} | changed)
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"policies": policies})


def food(sequence: int = 1, **fields: Any) -> VerdictChanged:
    return cell_of("health", sequence, **fields)


def cell_of(sector: str, sequence: int = 1, **fields: Any) -> VerdictChanged:
    cell = CellFinding(
        cell=sector,
        status=VerdictStatus.NOT_MET,
        reason=VerdictReason.BELOW_TARGET,
        numerator=20,
        denominator=25,
        gap=5,
    )
    return a_change(sequence, cell, node="xa_ntm/17.10", threshold=100.0, **fields)


def test_every_role_of_the_dispatch_is_an_entry_of_its_own(catalog: Catalog) -> None:
    assert routes(plan(catalog, a_breach()).entries) == [
        ("bhxh", Role.LEAD, BHXH),
        ("vp_hdnd_ubnd", Role.CONSOLIDATING, OFFICE),
        ("ubnd_xa", Role.IMPLEMENTING, COMMUNE),
        ("bhxh", Role.DATA, BHXH),
    ]


def test_an_entry_names_the_dispatch_and_the_clauses_of_its_role(catalog: Catalog) -> None:
    lead, *_ = plan(catalog, a_breach()).entries

    assert (lead.dispatch, lead.clauses) == ("caoloc-ubnd-vp-2024-09", ("c7a",))


def test_without_a_lead_those_who_can_settle_it_are_told_so_and_it_is_counted(catalog: Catalog) -> None:
    planned = plan(catalog, food())

    told = {entry.role: entry.gap_vi for entry in planned.entries}
    assert planned.no_lead == 1
    assert "không có đơn vị chủ trì" in str(told[Role.CONSOLIDATING])
    assert told[Role.DIRECTING] == told[Role.CONSOLIDATING]
    assert told[Role.COORDINATING] is told[Role.IMPLEMENTING] is None


def test_without_a_dispatch_in_force_the_news_is_kept_as_unroutable(catalog: Catalog) -> None:
    (entry,) = plan(catalog, a_breach(as_of=dt.date(2026, 1, 15))).entries

    assert (entry.status, entry.reason) == (LedgerStatus.UNROUTABLE, UnroutableReason.NO_DISPATCH)


def test_a_unit_without_an_address_is_unroutable_and_the_office_is_told(catalog: Catalog) -> None:
    *reached, first, second = plan(without_address(catalog, "bhxh"), a_breach()).entries

    assert {(each.responsible_unit, each.reason) for each in (first, second)} == {("bhxh", UnroutableReason.NO_ADDRESS)}
    assert {entry.role: entry.no_address_units for entry in reached} == {
        Role.CONSOLIDATING: ("bhxh",),
        Role.IMPLEMENTING: (),
    }


def test_news_that_nobody_can_be_told_is_still_in_the_ledger(catalog: Catalog) -> None:
    entries = plan(without_address(catalog, "bhxh", "vp_hdnd_ubnd", "ubnd_xa"), a_breach()).entries

    assert {entry.status for entry in entries} == {LedgerStatus.UNROUTABLE}
    assert len(entries) == 4


def test_appraising_units_are_not_told_of_the_daily_state(catalog: Catalog) -> None:
    """Outside the appraisal the text charges them with the dossier only, whatever the policy would tell them."""
    assert catalog.policies.timing(Role.APPRAISING, NoticeKind.OPENED, unowned=False) is Timing.IMMEDIATE

    planned = plan(catalog, food())

    assert planned.entries
    assert Role.APPRAISING not in {entry.role for entry in planned.entries}


def test_appraising_units_are_told_while_the_dossier_of_the_commune_is_appraised(catalog: Catalog) -> None:
    phase = CommunePhase(unit="06208", standard="xa_ntm", phase=Phase.APPRAISAL, source="thử")
    appraised = with_policies(catalog, phases=(phase,))
    trade = cell_of("industry_trade")

    assert Role.APPRAISING in {entry.role for entry in plan(appraised, trade).entries}
    assert Role.APPRAISING not in {entry.role for entry in plan(catalog, trade).entries}


def test_units_that_only_receive_the_dispatch_are_not_told_of_the_daily_state(catalog: Catalog) -> None:
    assert Role.INFORMED not in {entry.role for entry in plan(catalog, a_breach(), a_recovery(), food(3)).entries}


def test_missing_data_waits_longer_than_a_missed_target() -> None:
    catalog = shipped_at_once()
    gap = plan(catalog, a_change(1, a_silent_cell("female")))

    assert {entry.wait_seconds for entry in gap.entries} == {60}
    assert {entry.wait_seconds for entry in plan(catalog, a_breach()).entries} == {5}


def test_the_health_part_of_a_standard_is_told_to_the_consolidating_unit_only(catalog: Catalog) -> None:
    (entry,) = plan(catalog, a_change(7, to=VerdictStatus.NOT_MET, node="xa_ntm", node_kind=NodeKind.STANDARD)).entries

    assert (entry.role, entry.subject, entry.address) == (Role.CONSOLIDATING, "rollup:06208:xa_ntm:7", OFFICE)


@pytest.mark.parametrize(
    ("before", "after", "node_kind", "is_told"),
    [
        pytest.param(VerdictStatus.NOT_MET, VerdictStatus.MET, NodeKind.STANDARD, True, id="becomes met"),
        pytest.param(VerdictStatus.NOT_MET, VerdictStatus.NOT_EVALUABLE, NodeKind.STANDARD, False, id="never was"),
        pytest.param(VerdictStatus.MET, VerdictStatus.NOT_MET, NodeKind.CRITERION, False, id="criterion"),
    ],
)
def test_of_roll_ups_only_met_or_no_longer_met_standards_are_told(
    catalog: Catalog, before: VerdictStatus, after: VerdictStatus, node_kind: NodeKind, is_told: bool
) -> None:
    planned = plan(catalog, a_change(1, to=after, from_status=before, node="xa_ntm", node_kind=node_kind))

    assert bool(planned.entries) is is_told


def test_every_address_and_channel_of_a_unit_is_an_entry(catalog: Catalog) -> None:
    addresses = tuple(
        address.model_copy(
            update={"mail": (*address.mail, "b@b.example"), "webhook": "https://b.example/", "console": True}
        )
        if address.unit == "vp_hdnd_ubnd"
        else address
        for address in catalog.addresses
    )

    planned = plan(with_addresses(catalog, addresses), a_breach())

    assert [(entry.channel, entry.address) for entry in planned.entries if entry.role is Role.CONSOLIDATING] == [
        (Channel.MAIL, OFFICE),
        (Channel.MAIL, "b@b.example"),
        (Channel.WEBHOOK, "https://b.example/"),
        (Channel.CONSOLE, "caoloc-ubnd-vp-2024-09/vp_hdnd_ubnd"),
    ]


def test_a_closed_alert_plans_no_mail(catalog: Catalog) -> None:
    entries = plan(catalog, a_breach(), a_change(2, to=VerdictStatus.NOT_APPLICABLE)).entries

    assert {entry.kind for entry in entries} == {"opened"}


def test_the_end_is_told_to_the_same_units_as_the_beginning(catalog: Catalog) -> None:
    entries = plan(catalog, a_breach(), a_recovery()).entries

    assert routes(entries[:4]) == routes(entries[4:])


@pytest.mark.parametrize("node_kind", [NodeKind.INDICATOR, NodeKind.STANDARD])
def test_news_of_a_unit_that_the_catalog_does_not_know_is_kept_as_unroutable(
    catalog: Catalog, node_kind: NodeKind
) -> None:
    (entry,) = plan(catalog, a_breach(unit="99999", node_kind=node_kind)).entries

    assert entry.reason is UnroutableReason.NO_DISPATCH
