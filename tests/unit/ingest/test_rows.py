"""New reports dealt to partitions and messages."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.fresh import Run
from services.ingest.adapters.rows import deal, in_messages
from services.ingest.domain.reading import Draft
from services.ingest.domain.receipts import Receipt
from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE, partition_of

SIZES = st.lists(st.integers(min_value=0, max_value=1_200), max_size=5)


def runs_of(sizes: list[int]) -> list[Run]:
    return [
        Run(Receipt(), [Draft(row, ("s", f"{number}-{row}"), f"U{row % 7}", "", b"") for row in range(size)])
        for number, size in enumerate(sizes)
    ]


def drafts_of(runs: list[Run]) -> list[Draft]:
    return [draft for run in runs for draft in run.drafts]


@given(SIZES, st.integers(min_value=1, max_value=5))
def test_every_report_is_in_the_partition_of_its_unit_once_and_in_order(sizes: list[int], partitions: int) -> None:
    runs = runs_of(sizes)

    dealt = deal(runs, partitions)

    for partition, own in dealt.items():
        expected = [draft for draft in drafts_of(runs) if partition_of(draft.unit, partitions) == partition]
        assert drafts_of(own) == expected
    assert sum(len(drafts_of(own)) for own in dealt.values()) == sum(sizes)
    assert all(run.receipt in [known.receipt for known in runs] for own in dealt.values() for run in own)


@given(SIZES)
def test_messages_are_as_full_as_they_may_be_and_keep_the_order(sizes: list[int]) -> None:
    runs = runs_of(sizes)

    groups = list(in_messages(runs))

    lengths = [len(drafts_of(group)) for group in groups]
    assert [draft for group in groups for draft in drafts_of(group)] == drafts_of(runs)
    assert all(length == MAX_EVENTS_PER_MESSAGE for length in lengths[:-1])
    assert all(0 < length <= MAX_EVENTS_PER_MESSAGE for length in lengths)
