"""A name that one JSON object gives twice is never guessed at: neither in a row nor in a whole document."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.documents import decode_document
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.reading import Reading
from shared.contracts.vocabulary import QuarantineReason as Reason

Read = Callable[..., Reading]
ROW = (
    '"id":"e1","commune":"C1","indicator":"rate","sex":"female","period":"2024-09","numerator":950,"denominator":1000,'
    '"observed_at":"2024-10-02T08:30:00+07:00"'
)


@pytest.mark.parametrize(
    "more",
    [
        '"numerator":951', '"\\u0069d":"e2"',
        '"sex":"female"', '"sex" :"male"', '"numerator"\t:951', '"id":"e2"', '"observed_at": null',
        '"evidence":{"note":"a","note":"b"}', '"comment":"x","comment":"y"', '"stage":null,"stage":"final"',
    ],
)  # fmt: skip
def test_a_row_that_gives_a_name_twice_is_set_aside(read: Read, more: str) -> None:
    (bad,) = read(f"{{{ROW},{more}}}").bad

    assert bad.fault.reason is Reason.MALFORMED_JSON
    assert "twice" in bad.fault.detail


@pytest.mark.parametrize(
    "row",
    [
        f'{{{ROW},"stage":null,"deleted":false,"sector":null}}',
        f"{{ {ROW.replace(':', ' : ')} }}".replace("08 : 30 : 00+07 : 00", "08:30:00+07:00"),
        f'{{{ROW},"comment":"he said \\"id\\": \\"id\\":"}}',
        f'{{{ROW},"evidence":{{"note":"sex"}}}}',
    ],
)
def test_a_row_that_gives_every_name_once_is_taken_however_it_is_written(read: Read, row: str) -> None:
    reading = read(row)

    assert (len(reading.good), reading.bad) == (1, [])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=5), st.sampled_from(["", " ", "\n\t"]))
def test_a_document_is_taken_when_all_its_names_differ(pairs: list[tuple[str, int]], space: str) -> None:
    members = ",".join(f'"{name}"{space}:{space}{value}' for name, value in pairs)
    text = f'{{"rows":[{{{members}}}], "text": "\\"a\\":"}}'.encode()

    if len({name for name, _ in pairs}) == len(pairs):
        assert decode_document(text)
    else:
        with pytest.raises(RefusedError):
            decode_document(text)
