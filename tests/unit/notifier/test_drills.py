"""Whom a drill of a dispatch is sent to."""

import datetime as dt

import pytest

from services.notifier.domain.drills import plan_drill
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Channel, NoticeKind, Role

CAO_LOC = "caoloc-ubnd-vp-2024-09"
ON = dt.date(2024, 10, 15)
EVERY = frozenset(Channel)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


def test_a_drill_goes_to_every_address_of_every_unit_and_commune(catalog: Catalog) -> None:
    drill = plan_drill(catalog, catalog.dispatch_by_id[CAO_LOC], ON, "d1", EVERY)

    mails = {mail for address in catalog.addresses if address.dispatch == CAO_LOC for mail in address.mail}
    assert {entry.address for entry in drill.entries} == mails
    assert {entry.kind for entry in drill.entries} == {NoticeKind.DRILL}
    assert all(entry.held_for is None and entry.wait_seconds == 0 for entry in drill.entries)


def test_the_lines_of_a_drill_differ_so_that_each_is_sent_once(catalog: Catalog) -> None:
    drill = plan_drill(catalog, catalog.dispatch_by_id[CAO_LOC], ON, "d1", EVERY)

    keys = [(entry.subject, entry.channel, entry.address) for entry in drill.entries]
    assert len(keys) == len(set(keys))
    assert all(entry.subject.startswith("drill:d1:") for entry in drill.entries)


def test_a_unit_without_an_address_is_named(catalog: Catalog) -> None:
    without = Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"addresses": ()})

    drill = plan_drill(without, without.dispatch_by_id[CAO_LOC], ON, "d1", EVERY)

    assert drill.entries == ()
    assert {"Bảo hiểm xã hội huyện", "UBND xã Thụy Hùng"} <= set(drill.unreachable)


def test_only_the_channels_that_were_asked_for_are_tried(catalog: Catalog) -> None:
    drill = plan_drill(catalog, catalog.dispatch_by_id[CAO_LOC], ON, "d1", frozenset({Channel.WEBHOOK}))

    assert (drill.entries, drill.unreachable) == ((), ())


def test_a_unit_that_has_ended_gets_no_drill(catalog: Catalog) -> None:
    dispatch = catalog.dispatch_by_id[CAO_LOC]
    ended = tuple(
        unit.model_copy(update={"effective_to": ON - dt.timedelta(days=1)}) if unit.id == "bhxh" else unit
        for unit in dispatch.units
    )

    drill = plan_drill(catalog, dispatch.model_copy(update={"units": ended}), ON, "d1", EVERY)

    assert "bhxh" not in {entry.responsible_unit for entry in drill.entries}


def test_a_drill_names_each_unit_in_the_first_role_that_the_dispatch_gives_it(catalog: Catalog) -> None:
    drill = plan_drill(catalog, catalog.dispatch_by_id[CAO_LOC], ON, "d1", EVERY)

    roles = {entry.responsible_unit: entry.role for entry in drill.entries}
    assert roles == {
        "bhxh": Role.LEAD,
        "ttyt": Role.LEAD,
        "phong_ktht": Role.DIRECTING,
        "phong_nnptnt": Role.DIRECTING,
        "vp_hdnd_ubnd": Role.DIRECTING,
        "ubnd_xa": Role.IMPLEMENTING,
        "chu_tich": Role.INFORMED,
        "pho_chu_tich": Role.INFORMED,
        "lanh_dao_vp": Role.INFORMED,
    }
