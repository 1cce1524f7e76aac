"""Which unit an operator means."""

import datetime as dt
import unicodedata

import pytest

from datchuan.cli.communes import ANY_LEVEL, find_unit, place
from datchuan.errors import CommandError
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog

BEFORE = dt.date(2024, 10, 15)
AFTER = dt.date(2025, 7, 1)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_a_code_means_the_unit_that_holds_it_on_the_day(catalog: Catalog) -> None:
    assert find_unit(catalog, "06187", BEFORE).name_vi == "Thị trấn Cao Lộc"
    assert find_unit(catalog, "06187", AFTER).name_vi == "Phường Kỳ Lừa"


def test_an_id_means_its_unit_whatever_the_day(catalog: Catalog) -> None:
    assert find_unit(catalog, "06187@2025-07-01", BEFORE).name_vi == "Phường Kỳ Lừa"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Xã Thụy Hùng", id="whole name"),
        pytest.param("thụy hùng", id="without the kind, small letters"),
        pytest.param(unicodedata.normalize("NFD", "Xã Thụy Hùng"), id="typed in NFD"),
        pytest.param("X. Thuỵ Hùng", id="the kind abbreviated, the tone on the other vowel"),
    ],
)
def test_a_name_means_its_commune(catalog: Catalog, text: str) -> None:
    assert find_unit(catalog, text, BEFORE).id == "06208"


def test_a_name_that_a_commune_and_a_township_share_lists_both(catalog: Catalog) -> None:
    with pytest.raises(CommandError) as caught:
        find_unit(catalog, "Cao Lộc", dt.date(2024, 10, 15), ANY_LEVEL)

    assert "183 = Huyện Cao Lộc" in caught.value.sentence()
    assert "06187 = Thị trấn Cao Lộc" in caught.value.sentence()
    assert caught.value.exit_status == 2


def test_an_unknown_name_is_told_with_a_remedy(catalog: Catalog) -> None:
    with pytest.raises(CommandError, match="no unit with the code or name 'Xã Không Có'"):
        find_unit(catalog, "Xã Không Có", BEFORE)


def test_a_code_that_nobody_held_on_the_day_tells_who_held_it(catalog: Catalog) -> None:
    with pytest.raises(CommandError, match="06190 = Xã Bảo Lâm"):
        find_unit(catalog, "06190", AFTER)


def test_a_district_is_no_commune(catalog: Catalog) -> None:
    with pytest.raises(CommandError, match="183 is Huyện Cao Lộc, a district"):
        find_unit(catalog, "183", BEFORE)


def test_a_place_names_all_units_above(catalog: Catalog) -> None:
    assert place(catalog, catalog.unit_by_id["06208"]) == "Xã Thụy Hùng (06208), Huyện Cao Lộc, Tỉnh Lạng Sơn"
