"""Succession of units over several reforms: what is followed leads to one unit, and parts lead to their whole."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.catalog import Catalog
from shared.catalog.lineage import BrokenLineError, Lineage, UnknownPartsError
from shared.testing.factories import a_catalog

DAYS = (dt.date(2020, 1, 1), dt.date(2025, 7, 1), dt.date(2030, 1, 1))
ENDS = (dt.date(2025, 6, 30), dt.date(2029, 12, 31), None)
COUNT = 4


def a_unit(epoch: int, number: int, successors: list[int], **more: Any) -> dict[str, Any]:
    return {
        "id": f"{number}@{epoch}" if epoch else str(number), "code": str(number), "level": "commune", "type": "xa",
        "name_vi": f"Xã {number}", "effective_from": DAYS[epoch], "effective_to": ENDS[epoch],
        "successors": [f"{successor}@{epoch + 1}" for successor in successors], "split": len(successors) > 1,
    } | more  # fmt: skip


@st.composite
def lands(draw: st.DrawFn) -> Catalog:
    """Three generations of communes under the same codes, each with any successors in the next."""
    followed = st.lists(st.integers(0, COUNT - 1), max_size=2, unique=True)
    units = [
        a_unit(epoch, number, draw(followed) if epoch < 2 else []) for epoch in range(3) for number in range(COUNT)
    ]
    return a_catalog(units=units)


@given(lands(), st.sampled_from(DAYS))
def test_what_is_followed_is_in_force_and_its_parts_lead_to_it(land: Catalog, on: dt.date) -> None:
    lineage = Lineage(land)
    for unit in land.units:
        try:
            now = lineage.follow(unit, on)
        except BrokenLineError:
            continue
        assert now.in_force(on)
        if now.span[0] <= unit.span[0]:
            assert lineage.follow(now, unit.span[0]) == unit, "back is one to one"
            continue
        try:
            parts = lineage.parts(now, unit.span[1])
        except UnknownPartsError:
            continue
        assert unit in parts
        assert all(part.in_force(unit.span[1]) and lineage.follow(part, on) == now for part in parts)


@given(lands())
def test_no_unit_is_a_part_of_two_wholes(land: Catalog) -> None:
    lineage = Lineage(land)
    for then in DAYS[:2]:
        seen: dict[str, str] = {}
        for unit in land.units:
            if unit.span[0] != DAYS[2]:
                continue
            try:
                parts = lineage.parts(unit, then)
            except UnknownPartsError:
                continue
            assert all(seen.setdefault(part.id, unit.id) == unit.id for part in parts)


def test_other_parts_are_missing_until_they_are_entered() -> None:
    old, new = a_unit(0, 1, [1]), a_unit(1, 1, [], other_parts=["2"])

    with pytest.raises(UnknownPartsError) as caught:
        Lineage(a_catalog(units=[old, new])).parts(a_catalog(units=[old, new]).unit_by_id["1@1"], ENDS[0] or DAYS[0])
    assert caught.value.missing == ("2",)

    land = a_catalog(units=[old, a_unit(0, 2, [1]), new])
    assert [part.id for part in Lineage(land).parts(land.unit_by_id["1@1"], ENDS[0] or DAYS[0])] == ["1", "2"]
