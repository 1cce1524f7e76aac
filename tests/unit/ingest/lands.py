"""A small land whose communes were merged, split and renamed on 2025-07-01, and one of them again on 2027-01-01."""

import datetime as dt
from typing import Any

from shared.catalog.catalog import Catalog
from shared.testing.factories import a_catalog

LAST, FIRST = dt.date(2025, 6, 30), dt.date(2025, 7, 1)
OLD_DAY, NEW_DAY = "2024-09", "2026-09"
_AGAIN = dt.date(2027, 1, 1)
_ALIASES = [
    {"element": "Num", "indicator": "kids", "role": "numerator"},
    {"element": "Den", "indicator": "kids", "role": "denominator"},
    {"element": "Rate", "indicator": "rate", "role": "value", "sex": "male"},
    {"element": "Paper", "indicator": "paper", "role": "value"},
    {"element": "Events", "indicator": "events", "role": "value", "sector": "agriculture"},
]


def _old(code: str, name: str, *successors: str, **more: Any) -> dict[str, Any]:
    return {"id": code, "code": code, "level": "commune", "type": "xa", "name_vi": name, "parent": "P1",
            "region": "R1", "effective_to": LAST, "successors": successors} | more  # fmt: skip


def _new(code: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{code}@2025-07-01", "code": code, "level": "commune", "type": "xa", "name_vi": name,
            "parent": "P1", "region": "R1", "effective_from": FIRST} | more  # fmt: skip


UNITS: list[dict[str, Any]] = [
    {"id": "P1", "code": "P1", "level": "province", "name_vi": "Tỉnh Một"},
    # three merged into one
    _old("101", "Thị trấn Đồng Đăng", "101@2025-07-01", type="thi_tran"),
    _old("102", "Xã Bảo Lâm", "101@2025-07-01"),
    _old("103", "Xã Hòa Cư", "101@2025-07-01"),
    _new("101", "Xã Đồng Đăng"),
    # renamed, one to one, and renamed once more
    _old("201", "Xã Lương Minh", "201@2025-07-01"),
    _new("201", "Xã Tân Minh", effective_to=dt.date(2026, 12, 31), successors=("201@2027-01-01",)),
    {"id": "201@2027-01-01", "code": "201", "level": "commune", "type": "xa", "name_vi": "Xã Minh Tân", "parent": "P1",
     "region": "R1", "effective_from": _AGAIN},
    # one divided, so that its two successors are made of a whole part and a piece
    _old("301", "Xã Vô Ngại", "302@2025-07-01", "303@2025-07-01", split=True),
    _old("302", "Xã Bình Liêu", "302@2025-07-01"),
    _old("303", "Xã Tiên Yên", "303@2025-07-01"),
    _new("302", "Phường Bình Liêu", type="phuong"),
    _new("303", "Xã Tiên Yên"),
    # a part of something whose other parts nobody has entered
    _old("401", "Xã Yên Trạch", "402@2025-07-01"),
    _new("402", "Phường Đông Kinh", type="phuong"),
    # one that ended without a successor, one that nothing happened to, and two of one name
    _old("501", "Xã Đảo Xa"),
    {"id": "601", "code": "601", "level": "commune", "type": "xa", "name_vi": "Xã Yên Ổn", "parent": "P1",
     "region": "R1"},
    _old("701", "Xã Tân Thành", "701@2025-07-01"),
    _old("702", "Xã Tân Thành", "702@2025-07-01"),
    _new("701", "Xã Tân Thành"),
    _new("702", "Phường Tân Thành", type="phuong"),
]  # fmt: skip
MERGED = "101@2025-07-01"
PARTS = ("101", "102", "103")


def a_land(codes_as_of: dt.date | None = LAST, **profile: Any) -> Catalog:
    """Return its catalog; the codes of the source hmis are those of `codes_as_of`."""
    known: dict[str, Any] = {"source": "hmis", "name_vi": "HMIS", "aliases": _ALIASES, "codes_as_of": codes_as_of}
    return a_catalog(units=UNITS, profiles=[known | profile])
