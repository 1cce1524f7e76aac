"""How files of reports become requests."""

import json
from pathlib import Path

import pytest

from datchuan.errors import CommandError
from datchuan.sending.payloads import Format, detect, read_payloads

EVENT = {"id": "1", "commune": "06208"}
CLOUDEVENT = {"specversion": "1.0", "id": "1"}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        pytest.param("a.json", json.dumps(EVENT), Format.EVENTS, id="one event"),
        pytest.param("a.json", json.dumps([EVENT]), Format.EVENTS, id="an array"),
        pytest.param("a.json", json.dumps({"dataValues": []}), Format.DHIS2, id="DHIS2"),
        pytest.param("a.json", json.dumps(CLOUDEVENT), Format.CLOUDEVENT, id="a CloudEvent"),
        pytest.param("a.json", json.dumps([CLOUDEVENT]), Format.CLOUDEVENTS_BATCH, id="a batch of CloudEvents"),
        pytest.param("a.txt", f"{json.dumps(EVENT)}\n{{broken\n", Format.NDJSON, id="lines, one of them broken"),
        pytest.param("a.jsonl", "{broken", Format.NDJSON, id="the suffix of lines"),
        pytest.param("a.json", "\ufeff" + json.dumps(EVENT), Format.EVENTS, id="a byte order mark"),
        pytest.param("a.xml", "<dataValueSet/>", None, id="XML"),
        pytest.param("a.json", "", None, id="nothing"),
    ],
)
def test_the_format_is_read_from_the_content(name: str, body: str, expected: Format | None) -> None:
    assert detect(name, body.encode()) is expected


def test_lines_are_cut_into_requests_of_a_thousand_and_none_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    lines = [json.dumps({"id": str(number)}) for number in range(2_500)]
    file.write_text("\n".join(lines), encoding="utf-8")

    payloads = list(read_payloads(file))

    assert [payload.first_line for payload in payloads] == [1, 1_001, 2_001]
    assert b"".join(payload.body for payload in payloads).decode().splitlines() == lines


def test_a_file_in_no_known_format_is_refused_with_the_formats_that_are_read(tmp_path: Path) -> None:
    file = tmp_path / "data.xml"
    file.write_text("<adx/>", encoding="utf-8")

    with pytest.raises(CommandError, match=r"data\.xml is in no format that ingest reads"):
        list(read_payloads(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        list(read_payloads(tmp_path / "nowhere.json"))
