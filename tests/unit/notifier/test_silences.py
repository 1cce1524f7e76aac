"""Silences as values: what they cover, until when, and what they do to what waits."""

import datetime as dt
import unicodedata
from typing import Any

import pytest

from services.notifier.domain.holding import Holding, Retimed, WaitingEntry
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.silence_requests import InvalidSilenceError, WantedSilence, line_of, wanted_silence
from services.notifier.domain.silences import Silence, is_silenceable, silenced_until
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import NoticeKind, Role
from shared.testing.catalogs import shipped_at_once

# A Tuesday, 09:30 in Viet Nam.
NOW = dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NODE = "xa_ntm/15.1"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


@pytest.fixture(scope="module")
def office(catalog: Catalog) -> Catalog:
    """The shipped catalog, every address of which is written to in office hours only."""
    addresses = tuple(address.model_copy(update={"hours": "office"}) for address in catalog.addresses)
    return Catalog(**{name: getattr(catalog, name) for name in Catalog.model_fields} | {"addresses": addresses})


def a_silence(start: float = 0, hours: float = 1, **matchers: frozenset[str] | None) -> Silence:
    starts_at = NOW + start * HOUR
    return Silence("s", "Bà Hoa", "Bảo trì", starts_at, starts_at + hours * HOUR, **matchers)


def wanted(catalog: Catalog, **fields: Any) -> WantedSilence:
    request = {"author": "Bà Hoa", "reason": "Bảo trì", "ends_at": "2024-10-15T17:00", "units": ["06208"]} | fields
    return wanted_silence(request, catalog, "s1", NOW, dt.timedelta(days=90))


def faults(catalog: Catalog, request: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSilenceError) as caught:
        wanted_silence(request, catalog, "s1", NOW, dt.timedelta(days=90))
    assert all(fault.remedy for fault in caught.value.faults)
    return [(fault.field, fault.detail) for fault in caught.value.faults]


def waiting(due_in: float = 5, held_for: HeldFor | None = None, **fields: Any) -> WaitingEntry:
    known: dict[str, Any] = {
        "id": 1, "kind": NoticeKind.OPENED, "unit": "06208", "node": NODE, "responsible_unit": "bhxh",
        "roles": (Role.LEAD,), "dispatch": "caoloc-ubnd-vp-2024-09", "unowned": False, "own_due_in": None,
    }  # fmt: skip
    return WaitingEntry(due_in=due_in, held_for=held_for, **(known | fields))


def test_a_silence_covers_only_what_all_its_matchers_name() -> None:
    """AM TestSilencing (suppresses only matching alerts)."""
    silence = a_silence(units=frozenset({"06208"}), nodes=frozenset({NODE}), responsible_units=frozenset({"bhxh"}))

    assert silence.covers("06208", NODE, "bhxh")
    assert not silence.covers("06211", NODE, "bhxh")
    assert not silence.covers("06208", "xa_ntm/15.2", "bhxh")
    assert not silence.covers("06208", NODE, "ttyt")
    assert a_silence().covers("06211", "xa_ntm", "ttyt")


def test_overlapping_silences_hold_until_the_last_one_lets_go() -> None:
    chain = [a_silence(hours=2), a_silence(start=1, hours=3), a_silence(start=9, hours=1)]

    assert silenced_until(chain, "06208", NODE, "bhxh", NOW) == NOW + 4 * HOUR
    assert silenced_until(chain, "06208", NODE, "bhxh", NOW + 4 * HOUR) is None


def test_a_silence_holds_from_its_start_up_to_its_end() -> None:
    silence = [a_silence(start=1)]

    assert [silenced_until(silence, "u", "n", "r", NOW + hours * HOUR) is not None for hours in (0.9, 1, 1.9, 2)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_reports_and_drills_are_never_silenced() -> None:
    assert {kind for kind in NoticeKind if not is_silenceable(kind)} == {NoticeKind.REPORT, NoticeKind.DRILL}


def test_a_unit_is_silenced_with_all_that_is_below_it(catalog: Catalog) -> None:
    asked = wanted(catalog, units=["Huyện Cao Lộc"])

    assert asked.roots == ("183",)
    assert asked.silence.units is not None
    assert {"183", "06208", "06184"} <= asked.silence.units
    assert "20" not in asked.silence.units


def test_a_criterion_is_silenced_with_all_that_is_in_it(catalog: Catalog) -> None:
    silence = wanted(catalog, units=None, nodes=["xa_ntm/15"]).silence

    assert silence.nodes is not None
    assert {"xa_ntm/15", NODE} <= silence.nodes
    assert "xa_ntm" not in silence.nodes


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_vietnamese_is_read_composed_or_not_and_kept_composed(catalog: Catalog, form: Any) -> None:
    """AM TestAddUTF8Silences."""
    text = {"author": "Nguyễn Thị Hoà", "reason": "Đối chiếu số liệu", "units": ["Xã Thụy Hùng"],
            "responsible_units": ["Bảo hiểm xã hội huyện"]}  # fmt: skip
    request = {
        key: unicodedata.normalize(form, value)
        if isinstance(value, str)
        else [unicodedata.normalize(form, each) for each in value]
        for key, value in text.items()
    }

    asked = wanted(catalog, **request)

    assert (asked.silence.author, asked.silence.reason) == ("Nguyễn Thị Hoà", "Đối chiếu số liệu")
    assert asked.roots == ("06208",)
    assert asked.silence.responsible_units is not None
    assert "bhxh" in asked.silence.responsible_units


def test_a_name_cannot_be_turned_round_by_what_nobody_sees() -> None:
    assert line_of("Hoà\u202e gnoưrT\u200b\u2066") == "Hoà gnoưrT"
    assert line_of("Ho\u0061\u200d\u0300") == "Hoà"


def test_a_moment_without_an_offset_is_vietnamese_time(catalog: Catalog) -> None:
    assert wanted(catalog).silence.ends_at == dt.datetime(2024, 10, 15, 10, 0, tzinfo=dt.UTC)


def test_author_reason_end_and_matchers_are_required(catalog: Catalog) -> None:
    """AM TestAddSilence."""
    assert faults(catalog, {"author": " \x00 "}) == [
        ("author", "is required"),
        ("reason", "is required"),
        ("ends_at", "is required: every silence has an end"),
        ("units", "nothing says what to silence"),
    ]
    assert faults(catalog, ["no object"]) == [("", "is not an object")]


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        pytest.param("ends_at", "2024-10-15T09:00", "is not later than the start and the present", id="past"),
        pytest.param("ends_at", "2025-02-15", "is more than 90 days after the start", id="too long"),
        pytest.param("ends_at", "ngày mai", "is not a moment", id="no moment"),
        pytest.param("ends_at", 17, "is not a moment", id="number"),
        pytest.param("units", ["99999"], "the catalog has no unit with the code or name '99999'", id="unit"),
        pytest.param("units", {"06208": 1}, "is not a list of at most 500 names", id="no list"),
        pytest.param("nodes", ["xa_ntm/99"], "the catalog has no chỉ tiêu 'xa_ntm/99'", id="node"),
        pytest.param("responsible_units", ["sở"], "no dispatch has a responsible unit 'sở'", id="responsible"),
        pytest.param("all", True, "contradicts the other matchers", id="all and more"),
        pytest.param("all", "yes", "is neither true nor false", id="all as text"),
        pytest.param("unit", "06208", "is not known", id="unknown key"),
        pytest.param("reason", "x" * 1_001, "is longer than 1000 characters", id="long reason"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(catalog: Catalog, field: str, value: Any, detail: str) -> None:
    request = {"author": "Bà Hoa", "reason": "Bảo trì", "ends_at": "2024-10-15T17:00", "units": ["06208"]}

    assert faults(catalog, request | {field: value}) == [(field, detail)]


def test_what_waits_is_held_until_the_end_of_a_silence() -> None:
    holding = Holding(shipped_at_once())

    assert holding.retimed([waiting()], [a_silence()], NOW) == [Retimed(1, 3600.0, HeldFor.SILENCE, 5)]
    assert holding.retimed([waiting()], [a_silence(units=frozenset({"06211"}))], NOW) == []


def test_what_would_be_due_later_anyhow_is_not_held() -> None:
    assert Holding(shipped_at_once()).retimed([waiting(due_in=7200)], [a_silence()], NOW) == []


def test_a_silence_that_ends_outside_office_hours_lets_go_when_the_office_opens(office: Catalog) -> None:
    # Until 12:30; the offices are closed from 11:30 to 13:30.
    (found,) = Holding(office).retimed([waiting()], [a_silence(hours=3)], NOW)

    assert (found.due_in, found.held_for) == (4 * 3600, HeldFor.SILENCE)


def test_what_is_released_is_due_at_its_own_time_or_at_once() -> None:
    holding = Holding(shipped_at_once())
    held: dict[str, Any] = {"due_in": 3600, "held_for": HeldFor.SILENCE}

    assert holding.retimed([waiting(**held)], [], NOW) == [Retimed(1, 0.0, None, None)]
    assert holding.retimed([waiting(**held, own_due_in=1800)], [], NOW) == [Retimed(1, 1800, None, None)]
    assert holding.retimed([waiting(**held, own_due_in=-60)], [], NOW) == [Retimed(1, 0.0, None, None)]


def test_what_is_released_leaves_as_soon_as_any_role_of_its_address_is_told(catalog: Catalog) -> None:
    held: dict[str, Any] = {"due_in": 3600, "held_for": HeldFor.SILENCE, "kind": NoticeKind.RESOLVED}
    holding = Holding(catalog)

    (alone,) = holding.retimed([waiting(**held, roles=(Role.DATA,))], [], NOW)
    (together,) = holding.retimed([waiting(**held, roles=(Role.LEAD, Role.DATA))], [], NOW)

    assert (alone.due_in, alone.held_for) == (6.5 * 3600, HeldFor.DIGEST)
    assert (together.due_in, together.held_for) == (0.0, None)


def test_what_is_released_at_night_waits_for_the_office_to_open(office: Catalog) -> None:
    night = dt.datetime(2024, 10, 15, 15, 0, tzinfo=dt.UTC)  # 22:00

    (found,) = Holding(office).retimed([waiting(3600, HeldFor.SILENCE)], [], night)

    assert (found.due_in, found.held_for) == (9.5 * 3600, HeldFor.QUIET_HOURS)


def test_what_another_silence_covers_waits_for_that_one() -> None:
    (found,) = Holding(shipped_at_once()).retimed([waiting(7200, HeldFor.SILENCE, own_due_in=-60)], [a_silence()], NOW)

    assert (found.due_in, found.held_for, found.own_due_in) == (3600, HeldFor.SILENCE, -60)
