import pytest

from datchuan.forecasting.portion import BEYOND, Bounds, portion_of
from shared.testing.factories import a_report


def taken(units: str, bounds: Bounds) -> tuple[dict[str, int], int]:
    """How many reports of which units are looked at, one letter a report, and how many units are not."""
    portion = portion_of([a_report(n, unit=unit) for n, unit in enumerate(units, 1)], bounds)
    return {unit: len(reports) for unit, reports in portion.by_unit.items()}, portion.units_left_out


@pytest.mark.parametrize(
    ("units", "bounds", "expected"),
    [
        ("", Bounds(), ({}, 0)),
        ("ABA", Bounds(), ({"A": 2, "B": 1}, 0)),
        ("ABCB", Bounds(units=2), ({"A": 1, "B": 2}, 1)),
        ("AAB", Bounds(reports=2), ({"A": 2}, 1)),
        ("AAABBC", Bounds(reports=2), ({"B": 2}, 2)),
    ],
    ids=["nothing", "all", "too many units", "too many reports", "a unit that alone is too much"],
)
def test_units_are_taken_whole_or_not_at_all(units: str, bounds: Bounds, expected: tuple[dict[str, int], int]) -> None:
    assert taken(units, bounds) == expected


def test_reports_keep_their_order_and_come_after_all_that_the_journal_has_numbered() -> None:
    portion = portion_of([a_report(7, unit="A"), a_report(3, unit="B"), a_report(1, unit="A")], Bounds())

    assert [(r.event_id, r.seq) for r in portion.by_unit["A"]] == [("e7", BEYOND), ("e1", BEYOND + 2)]


def test_units_come_in_parts_of_a_given_size() -> None:
    portion = portion_of([a_report(n, unit=unit) for n, unit in enumerate("ABCDE")], Bounds())

    assert list(portion.parts(2)) == [["A", "B"], ["C", "D"], ["E"]]
