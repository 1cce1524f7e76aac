"""Whom the beginning of an appraisal is told to, and when."""

import datetime as dt

import pytest

from services.notifier.domain.addressees import Addressees
from services.notifier.domain.dossiers import DueDossier, dossier_entries, due_dossiers
from services.notifier.domain.due import DueTimes
from services.notifier.domain.ledger import Entry
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import CommunePhase
from shared.contracts.vocabulary import NoticeKind, Phase, Role

FIRST = dt.datetime(2024, 11, 1, 1, 0, tzinfo=dt.UTC)  # 08:00 of Friday, 1 November


def catalog_with(unit: str, since: dt.date, standard: str = "xa_ntm") -> Catalog:
    shipped = load_catalog(SHIPPED)
    phase = CommunePhase(
        unit=unit, standard=standard, phase=Phase.APPRAISAL, effective_from=since, source="Thông báo 12/TB-UBND"
    )
    policies = shipped.policies.model_copy(update={"phases": (phase,)})
    return Catalog(**{name: getattr(shipped, name) for name in Catalog.model_fields} | {"policies": policies})


def due(catalog: Catalog, now: dt.datetime) -> list[DueDossier]:
    return due_dossiers(catalog, WorkingCalendar(), now)


def told(catalog: Catalog, found: DueDossier) -> list[Entry]:
    times = DueTimes(catalog.policies, WorkingCalendar())
    return dossier_entries(catalog, Addressees(catalog), times, found, FIRST)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return catalog_with("06208", dt.date(2024, 11, 1))


def test_the_units_that_appraise_and_the_office_are_told_once_each(catalog: Catalog) -> None:
    (found,) = due(catalog, FIRST)

    entries = told(catalog, found)

    keys = [(entry.subject, entry.responsible_unit, entry.role, entry.address) for entry in entries]
    assert len(keys) == len(set(keys))
    assert {entry.role for entry in entries} == {Role.APPRAISING, Role.CONSOLIDATING}
    assert {entry.responsible_unit for entry in entries if entry.role is Role.APPRAISING} == {
        "vp_hdnd_ubnd",
        "phong_ktht",
        "phong_nnptnt",
    }
    assert {(entry.kind, entry.node, entry.subject) for entry in entries} == {
        (NoticeKind.DOSSIER, "xa_ntm", "dossier:06208:xa_ntm:2024-11-01")
    }
    assert all(entry.clauses for entry in entries)


@pytest.mark.parametrize(
    ("now", "count"),
    [
        pytest.param(FIRST - dt.timedelta(minutes=1), 0, id="before eight"),
        pytest.param(FIRST, 1, id="at eight"),
        pytest.param(FIRST + dt.timedelta(days=20), 1, id="after an outage"),
        pytest.param(FIRST + dt.timedelta(days=21), 0, id="much later"),
    ],
)
def test_it_is_told_from_the_morning_of_the_first_day(catalog: Catalog, now: dt.datetime, count: int) -> None:
    assert len(due(catalog, now)) == count


def test_a_phase_that_begins_on_a_day_off_is_told_on_the_next_working_day() -> None:
    saturday = catalog_with("06208", dt.date(2024, 11, 2))

    (found,) = due(saturday, dt.datetime(2024, 11, 4, 1, 0, tzinfo=dt.UTC))

    assert found.due_at.date() == dt.date(2024, 11, 4)
    assert due(saturday, dt.datetime(2024, 11, 3, 1, 0, tzinfo=dt.UTC)) == []


def test_a_phase_of_a_district_is_that_of_every_commune_of_it() -> None:
    found = due(catalog_with("183", dt.date(2024, 11, 1)), FIRST)

    assert len(found) == 22
    assert "06208" in {each.unit.id for each in found}
