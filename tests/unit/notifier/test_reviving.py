from dataclasses import replace

import pytest

from services.notifier.domain.book import apply
from services.notifier.domain.ledger import DueEntry, LedgerStatus
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.reviving import DeadEntry, revive
from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import Address
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import UNROUTED_UNIT, Policies, SuperiorUnit, Unrouted
from shared.contracts.vocabulary import AlertKind, Channel, NoticeKind, Role
from shared.testing.verdicts import MORNING, a_breach, a_recovery

BHXH = "bhxh.caoloc@langson.example"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def reached_at(catalog: Catalog, **places: object) -> Catalog:
    """Return the catalog with other places for BHXH."""
    addresses = tuple(
        Address.model_validate({"dispatch": address.dispatch, "unit": address.unit, **places})
        if address.unit == "bhxh" and BHXH in address.mail
        else address
        for address in catalog.addresses
    )
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"addresses": addresses})


def entries_of(catalog: Catalog, *kinds: NoticeKind) -> list[DueEntry]:
    """Return the entries that tell BHXH, as lead, of a breach and its end."""
    steps = apply([], [], [a_breach(1), a_recovery(2)]).steps
    planned = [
        e for e in Planner(catalog, Windows()).plan(steps, [], MORNING).entries if (e.address, e.role) == (BHXH, "lead")
    ]
    names = [name for name in DueEntry.__dataclass_fields__ if name != "id"]
    return [
        DueEntry(id=number, **{name: getattr(entry, name) for name in names})
        for number, entry in enumerate(planned, 1)
        if entry.kind in kinds
    ]


def dead(entries: list[DueEntry], *, ended: bool = False, kind: AlertKind = AlertKind.BREACH) -> list[DeadEntry]:
    return [DeadEntry(entry, ended, kind) for entry in entries]


def test_an_entry_whose_address_is_unchanged_waits_again(catalog: Catalog) -> None:
    revival = revive(catalog, dead(entries_of(catalog, NoticeKind.OPENED)))

    assert (revival.waiting, revival.superseded, revival.moved, revival.unreachable) == ((1,), (), (), ())


def test_an_entry_moves_to_every_place_that_its_unit_has_now(catalog: Catalog) -> None:
    corrected = reached_at(catalog, mail=["moi@langson.example"], webhook="https://bhxh.example/tin")

    revival = revive(corrected, dead(entries_of(catalog, NoticeKind.OPENED)))

    assert (revival.waiting, revival.superseded) == ((), (1,))
    assert [(entry.channel, entry.address, entry.status) for entry in revival.moved] == [
        (Channel.MAIL, "moi@langson.example", LedgerStatus.WAITING),
        (Channel.WEBHOOK, "https://bhxh.example/tin", LedgerStatus.WAITING),
    ]
    assert {entry.subject for entry in revival.moved} == {"06208:xa_ntm/15.1:female:1"}


def test_an_entry_whose_unit_has_no_address_any_more_stays_dead(catalog: Catalog) -> None:
    revival = revive(reached_at(catalog), dead(entries_of(catalog, NoticeKind.OPENED)))

    assert (revival.waiting, revival.superseded, revival.unreachable) == ((), (), ("bhxh",))


def test_an_alert_that_has_ended_is_not_told_as_if_it_lasted(catalog: Catalog) -> None:
    revival = revive(catalog, dead(entries_of(catalog, NoticeKind.OPENED), ended=True))

    assert (revival.waiting, revival.superseded) == ((), (1,))


def test_an_alert_that_has_ended_is_told_with_its_end(catalog: Catalog) -> None:
    revival = revive(catalog, dead(entries_of(catalog, NoticeKind.OPENED, NoticeKind.RESOLVED), ended=True))

    assert revival.waiting == (1, 2)


def test_an_entry_moves_to_the_one_address_that_an_operator_gives(catalog: Catalog) -> None:
    revival = revive(reached_at(catalog), dead(entries_of(catalog, NoticeKind.OPENED)), "moi@langson.example")

    assert (revival.superseded, revival.unreachable) == ((1,), ())
    assert [(entry.channel, entry.address) for entry in revival.moved] == [(Channel.MAIL, "moi@langson.example")]


@pytest.mark.parametrize(
    ("responsible_unit", "role"), [("so_y_te", Role.SUPERIOR), (UNROUTED_UNIT, Role.CONSOLIDATING)]
)
def test_those_whom_no_dispatch_names_are_told_again_where_the_policies_say(
    catalog: Catalog, responsible_unit: str, role: Role
) -> None:
    policies = Policies(
        superiors=(SuperiorUnit(id="so_y_te", name_vi="Sở Y tế", scope=("20",), mail=("moi@langson.example",)),),
        unrouted=Unrouted(mail=("moi@langson.example",)),
    )
    told_by = Catalog(**{n: getattr(catalog, n) for n in Catalog.model_fields} | {"policies": policies})
    entries = [
        replace(entry, responsible_unit=responsible_unit, role=role, dispatch=None)
        for entry in entries_of(catalog, NoticeKind.OPENED)
    ]

    moved = revive(told_by, dead(entries))
    stays = revive(told_by, dead([replace(entry, address="moi@langson.example") for entry in entries]))
    nowhere = revive(reached_at(catalog), dead([replace(entry, responsible_unit="khong_co") for entry in entries]))

    assert [entry.address for entry in moved.moved] == ["moi@langson.example"]
    assert stays.waiting == (1,)
    assert nowhere.unreachable == ("khong_co",)
