"""Pages of facts: when and which of them are merged."""

from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.domain.pages import Pages, merged
from shared.testing.factories import a_report


def test_a_units_pages_are_due_at_sixteen_when_idle_and_at_many_more_when_busy() -> None:
    pages = Pages(["B"] * 16)
    pages.add([[a_report(1, unit="A")]] * 15)

    assert pages.due(9, idle=True) == ["B"]
    assert pages.due(9, idle=False) == []
    pages.add([[a_report(1, unit="A")]] * 113)
    assert pages.due(9, idle=False) == ["A"]
    assert sorted(pages.due(9, idle=True)) == ["A", "B"]
    assert len(pages.due(1, idle=True)) == 1


def test_merged_units_begin_to_gather_again() -> None:
    pages = Pages(["A"] * 16)
    pages.merged(["A"])
    pages.add([[a_report(1, unit="A")]] * 15)

    assert pages.due(9, idle=True) == []
    pages.add([[a_report(1, unit="A")]])
    assert pages.due(9, idle=True) == ["A"]


@given(st.lists(st.integers(1, 10_000), max_size=40))
def test_merging_until_nothing_is_left_to_merge_leaves_few_pages_of_rising_size(sizes: list[int]) -> None:
    while taken := merged(ordered := [(size, number) for number, size in enumerate(sorted(sizes))]):
        chosen = set(taken)
        sizes = [size for size, number in ordered if number not in chosen] + [sizes_of(ordered, chosen)]

    left = sorted(sizes)
    assert all(left[n] > 2 * sum(left[:n]) for n in range(1, min(2, len(left))))
    assert len(left) < 2 or left[1] > 2 * left[0]


def sizes_of(pages: list[tuple[int, int]], chosen: set[int]) -> int:
    return sum(size for size, number in pages if number in chosen)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_a_fact_is_written_again_only_as_often_as_its_pages_have_grown_in_orders_of_magnitude(sizes: list[int]) -> None:
    pages: list[int] = []
    written = 0
    for size in sizes * 8:
        pages.append(size)
        if len(pages) % 16 == 0:
            ordered = [(each, number) for number, each in enumerate(sorted(pages))]
            chosen = set(merged(ordered))
            written += sizes_of(ordered, chosen)
            pages = [each for each, number in ordered if number not in chosen] + [sizes_of(ordered, chosen)]

    assert sum(pages) == sum(sizes) * 8
    assert written <= 6 * sum(sizes) * 8
