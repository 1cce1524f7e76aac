"""Names of units, chỉ tiêu and responsible units as people write them."""

import datetime as dt
import unicodedata

import pytest

from services.notifier.domain.matchers import NotFoundError, nodes_named, responsible_named, subtree, unit_named
from shared.catalog.catalog import Catalog
from shared.testing.catalogs import shipped_at_once

DAY = dt.date(2024, 10, 15)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return shipped_at_once()


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        pytest.param("06208", DAY, "06208", id="code"),
        pytest.param("06184", DAY, "06184", id="code of that time"),
        pytest.param("06184", dt.date(2025, 8, 1), "06184@2025-07-01", id="code reused"),
        pytest.param("06184@2025-07-01", DAY, "06184@2025-07-01", id="id"),
        pytest.param("xã Thuỵ  hùng", DAY, "06208", id="name, tone at another letter"),
        pytest.param(unicodedata.normalize("NFD", "Xã Thụy Hùng"), DAY, "06208", id="name, decomposed"),
    ],
)
def test_a_unit_is_found_by_id_code_and_name(catalog: Catalog, text: str, day: dt.date, expected: str) -> None:
    assert unit_named(catalog, text, day).id == expected


def test_a_name_without_its_accents_is_no_name(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError) as caught:
        unit_named(catalog, "Xa Thuy Hung", DAY)

    assert "accents" in caught.value.remedy


def test_an_unknown_responsible_unit_is_refused_with_some_that_are_known_and_how_many_more_there_are(
    catalog: Catalog,
) -> None:
    known = {unit.id for dispatch in catalog.dispatches for unit in dispatch.units}
    known |= {superior.id for superior in catalog.policies.superiors}

    with pytest.raises(NotFoundError) as caught:
        responsible_named(catalog, "khong_co")

    assert caught.value.remedy.endswith(f", … and {len(known) - 8} more.")


def test_a_subtree_reaches_all_levels_below(catalog: Catalog) -> None:
    found = subtree(catalog, catalog.unit_by_id["20"])

    assert {"20", "183", "06208", "06184@2025-07-01"} <= found
    assert subtree(catalog, catalog.unit_by_id["06208"]) == {"06208"}


def test_a_standard_stands_for_all_that_is_in_it(catalog: Catalog) -> None:
    found = nodes_named(catalog, "xa_ntm", DAY)

    assert {"xa_ntm", "xa_ntm/15", "xa_ntm/15.1"} <= found
    assert not any(node.startswith("xa_ntm_nang_cao") for node in found)
    assert nodes_named(catalog, "xa_ntm/15.1", DAY) == {"xa_ntm/15.1"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_responsible_unit_is_found_by_its_name(catalog: Catalog, form: str) -> None:
    text = unicodedata.normalize("NFD" if form == "NFD" else "NFC", "Trung tâm Y tế huyện")

    assert "ttyt" in responsible_named(catalog, text)
    assert responsible_named(catalog, "ttyt") == {"ttyt"}


@pytest.mark.parametrize(
    ("text", "units", "expected"),
    [
        ("15.1", None, {"xa_ntm/15.1"}),
        ("15.1", {"06208"}, {"xa_ntm/15.1"}),
        ("8.4", {"183", "06208"}, {"huyen_ntm/8.4"}),
        ("17", {"06208"}, {"xa_ntm/17", "xa_ntm/17.10"}),
    ],
)
def test_a_number_stands_for_the_chi_tieu_that_alone_has_it_on_the_day(
    catalog: Catalog, text: str, units: set[str] | None, expected: set[str]
) -> None:
    assert nodes_named(catalog, text, DAY, units) >= expected


def test_a_number_of_several_chi_tieu_is_refused_with_all_of_them_and_one_of_another_level_is_none(
    catalog: Catalog,
) -> None:
    with pytest.raises(NotFoundError, match=r"huyen_ntm/5\.1, huyen_ntm_nang_cao/5\.1"):
        nodes_named(catalog, "5.1", DAY, {"183"})
    with pytest.raises(NotFoundError, match=r"no chỉ tiêu '8\.4'"):
        nodes_named(catalog, "8.4", DAY, {"06208"})
