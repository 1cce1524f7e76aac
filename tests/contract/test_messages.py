"""The two messages keep their shape: golden files, and pydantic and msgspec agreeing with each other."""

import datetime as dt
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from shared.contracts import events, wire
from shared.contracts.vocabulary import Part, Stage

GOLDEN = Path(__file__).parent / "golden"
DECODERS: dict[str, tuple[type[BaseModel], Callable[[bytes], msgspec.Struct]]] = {
    "indicator_reported": (events.IndicatorReportedBatch, wire.decode_indicator_reported),
    "verdict_changed": (events.VerdictChangedBatch, wire.decode_verdict_changed),
}
PAIRS = [
    pytest.param(getattr(events, name), getattr(wire, name), id=name)
    for name in (
        "IndicatorReported",
        "IndicatorReportedBatch",
        "CellFinding",
        "VerdictChanged",
        "VerdictChangedBatch",
    )
]
FILES = [pytest.param(path, id=path.stem) for path in sorted(GOLDEN.glob("*.json"))]


def decoders_of(path: Path) -> tuple[type[BaseModel], Callable[[bytes], msgspec.Struct]]:
    return DECODERS[path.name.split(".")[0]]


def plain_type(annotation: Any) -> Any:
    """A type as both sides spell it: nested messages by name, an aware datetime as datetime, a literal as its type."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        return (get_origin(annotation) is tuple, *(plain_type(part) for part in get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, (BaseModel, msgspec.Struct)):
        return annotation.__name__
    return dt.datetime if annotation is AwareDatetime else annotation


def test_every_message_and_version_has_a_full_and_a_minimal_golden_file() -> None:
    names = {path.name for path in GOLDEN.glob("*.json")}

    assert names == {f"{message}.v1{variant}.json" for message in DECODERS for variant in ("", ".minimal")}


@pytest.mark.parametrize("path", FILES)
def test_a_golden_file_means_the_same_to_pydantic_and_to_msgspec(path: Path) -> None:
    model, decode = decoders_of(path)
    body = path.read_bytes()

    by_pydantic = json.loads(model.model_validate_json(body).model_dump_json())
    by_msgspec = json.loads(model.model_validate_json(wire.encode(decode(body))).model_dump_json())

    assert by_pydantic == by_msgspec


@pytest.mark.parametrize("path", [path for path in FILES if not str(path.id).endswith("minimal")])
def test_a_full_golden_file_is_written_again_as_it_is_but_for_what_is_default(path: Path) -> None:
    model, decode = decoders_of(path)
    body = path.read_bytes()

    written = json.loads(wire.encode(decode(body)))

    golden = json.loads(body)
    head = {name: golden[name] for name in ("schema_version", "partition")}
    assert written == head | json.loads(model.model_validate_json(body).model_dump_json(exclude_defaults=True))


@pytest.mark.parametrize("path", FILES)
def test_unknown_fields_of_a_newer_producer_are_ignored(path: Path) -> None:
    model, decode = decoders_of(path)
    message = json.loads(path.read_text(encoding="utf-8"))
    kind = "events" if "events" in message else "changes"
    items = [{**item, "added": {"deep": [1]}} for item in message[kind]]
    newer = json.dumps({**message, kind: items, "added": 1}).encode()

    assert model.model_validate_json(newer) == model.model_validate_json(path.read_bytes())
    assert decode(newer) == decode(path.read_bytes())


@pytest.mark.parametrize(("model", "struct"), PAIRS)
def test_both_shapes_have_the_same_fields_types_and_defaults(
    model: type[BaseModel], struct: type[msgspec.Struct]
) -> None:
    hints = get_type_hints(model)

    ours = [
        (name, plain_type(hints[name]), None if field.is_required() else (field.default,))
        for name, field in model.model_fields.items()
    ]
    theirs = [
        (field.name, plain_type(field.type), None if field.required else (field.default,))
        for field in msgspec.structs.fields(struct)
    ]

    assert ours == theirs


@pytest.mark.parametrize("path", FILES)
def test_a_message_without_one_of_its_required_fields_is_refused_by_both(path: Path) -> None:
    model, decode = decoders_of(path)
    message = json.loads(path.read_text(encoding="utf-8"))
    del message["message_id"]
    body = json.dumps(message).encode()

    with pytest.raises(ValueError, match="message_id"):
        model.model_validate_json(body)
    with pytest.raises(msgspec.ValidationError, match="message_id"):
        decode(body)


INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
REPORTS = st.builds(
    events.IndicatorReported,
    seq=INT64,
    event_id=TEXT,
    source=TEXT,
    unit=TEXT,
    indicator=TEXT,
    cell=TEXT,
    period_start=st.dates(),
    period_end=st.dates(),
    observed_at=st.datetimes(timezones=st.just(dt.UTC)).filter(lambda at: dt.MINYEAR < at.year < dt.MAXYEAR),
    part=st.sampled_from(Part),
    numerator=st.none() | INT64,
    denominator=st.none() | INT64,
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    deleted=st.booleans(),
    stage=st.none() | st.sampled_from(Stage),
    valid_until=st.none() | st.dates(),
)


@given(st.builds(events.IndicatorReportedBatch, message_id=TEXT, events=st.lists(REPORTS, max_size=3)))
def test_a_report_survives_the_way_from_pydantic_over_msgspec_and_back(
    batch: events.IndicatorReportedBatch,
) -> None:
    over_the_wire = wire.encode(wire.decode_indicator_reported(batch.model_dump_json().encode()))

    assert events.IndicatorReportedBatch.model_validate_json(over_the_wire) == batch


STORABLE = {"seq": 1, "event_id": "e", "source": "s", "unit": "06190", "indicator": "i"} | {
    "period_start": "2024-09-01",
    "period_end": "2024-09-30",
    "observed_at": "2024-10-01T00:00:00Z",
}


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": "a\x00b"},
        {"event_id": "a\\\x00"},
        {"source": "two\nlines"},
        {"unit": "a\ttab"},
        {"indicator": "\x1f"},
        {"numerator": 2**63},
        {"denominator": -(2**63) - 1},
        {"seq": 2**64},
        {"observed_at": "2024-10-01T00:00:00"},
        {"observed_at": "0001-01-01T00:00:00+14:00"},
        {"observed_at": "9999-12-31T23:59:59-14:00"},
        {"unit": "x" * 501},
    ],
    ids=str,
)
def test_a_report_that_could_be_read_and_never_be_stored_is_refused(fields: dict[str, Any]) -> None:
    body = json.dumps({"message_id": "m", "events": [STORABLE | fields]}).encode()

    with pytest.raises(msgspec.ValidationError):
        wire.decode_indicator_reported(body)


@pytest.mark.parametrize("text", ['say "no"', "back\\slash", "\\n", "\\u0000", "xã Thụy Hùng"])
def test_quotes_and_backslashes_are_no_control_characters(text: str) -> None:
    body = json.dumps({"message_id": "m", "events": [STORABLE | {"event_id": text}]}).encode()

    (event,) = wire.decode_indicator_reported(body).events

    assert event.event_id == text
