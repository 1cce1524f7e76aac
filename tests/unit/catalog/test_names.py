"""Names of units compared as people write them."""

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.load import load_catalog
from shared.catalog.names import name_key, name_parts

SYLLABLES = ("hoà", "hòa", "thuỷ", "thủy", "Quý", "Xuân", "Đồng", "Ea", "H'Leo", "Mỹ", "05", "5", "oẻ", "Khoẻ")
names = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=4).map(" ".join)

Form = Literal["NFC", "NFD", "NFKC"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Xã Hoà Cư", "Xã Hòa Cư", id="the tone on either vowel"),
        pytest.param("Xã Thuỵ Hùng", "Xã Thụy Hùng", id="the tone on either vowel of uy"),
        pytest.param("Xã Quý Hoà", "xã qúy hòa", id="a tone that stands on the wrong vowel"),
        pytest.param("TT Cao Lộc", "Thị trấn Cao Lộc", id="TT"),
        pytest.param("TT. Cao Lộc", "thị trấn cao lộc", id="TT with a dot"),
        pytest.param("X. Hòa Cư", "Xã Hòa Cư", id="X with a dot"),
        pytest.param("x.Hòa Cư", "Xã Hòa Cư", id="x with a dot and no space"),
        pytest.param("P.5", "Phường 5", id="P with a number"),
        pytest.param("P 05", "Phường 5", id="a leading zero"),
        pytest.param("Phường Văn Miếu-Quốc Tử Giám", "Phường Văn Miếu - Quốc Tử Giám", id="a hyphen"),
        pytest.param("Xã  Hòa\u00a0Cư ", "Xã Hòa Cư", id="spaces"),
        pytest.param("Xã Ea H\u2019Leo", "Xã Ea H'leo", id="an apostrophe"),
        pytest.param("ĐK Vân Đồn", "Đặc khu Vân Đồn", id="ĐK"),
    ],
)
def test_two_writings_of_one_name_are_equal(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Xã Hòa Cư", "Xã Hoa Cư", id="no tone"),
        pytest.param("Xã Hòa Cư", "Xã Hỏa Cư", id="another tone"),
        pytest.param("Xã Hòa Cư", "Xã Hòa Cu", id="another letter"),
        pytest.param("Xã Hòa Cư", "Thị trấn Hòa Cư", id="another kind"),
        pytest.param("Xã Hòa Cư", "Xã Hòa Cư (bổ sung)", id="a note in parentheses"),
        pytest.param("Xã Lý", "Xã Lí", id="i and y"),
        pytest.param("Phường 1", "Phường 11", id="another number"),
        pytest.param("Xã Hòa Cư", "Hòa Cư", id="no kind"),
        pytest.param("Xã Hòa Cư", "Xa Hòa Cư", id="a word that is no kind"),
    ],
)
def test_another_name_is_another_name(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_a_kind_needs_a_name_behind_it() -> None:
    assert name_parts("Xã") == ("", name_key("xã"))
    assert name_parts("P") == ("", "p")


@given(names, st.sampled_from(("", "Xã ", "P. ", "thị trấn ")), st.sampled_from(("NFC", "NFD", "NFKC")))
def test_a_key_does_not_depend_on_unicode_form_case_or_on_being_a_key(
    name: str, kind: str, form: Literal["NFC", "NFD", "NFKC"]
) -> None:
    key = name_key(kind + name)

    assert name_key(unicodedata.normalize(form, kind + name)) == key
    assert name_key((kind + name).upper()) == key
    assert name_key(key) == key


@given(st.text(max_size=30))
def test_any_text_has_a_key_that_is_its_own_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


def test_no_two_communes_of_one_day_and_district_share_a_key() -> None:
    seen: dict[tuple[object, ...], str] = {}
    for unit in load_catalog().units:
        key = (name_key(unit.name_vi), unit.parent, unit.effective_from)
        assert seen.setdefault(key, unit.id) == unit.id
