"""The polls' configuration, the arithmetic of their windows, their credentials, and what refusals say."""

import datetime as dt
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.polling.answers import refusal_of, seconds_to_wait
from services.ingest.adapters.polling.credentials import read_authorization, warn_of_open_file
from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.adapters.polling.polls import load_polls
from services.ingest.domain.polls import (
    Mark,
    Part,
    PollFailure,
    backoff_seconds,
    below,
    halves_of,
    parts_of,
    window_start,
)
from shared.runtime.settings import SettingsError

NOON = dt.datetime(2024, 10, 15, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
VALID: dict[str, Any] = {
    "name": "hmis",
    "source": "hmis",
    "url": "https://dhis2.example/hmis/",
    "credentials_file": "secret",
    "data_sets": ["DsHealth001"],
    "org_units": ["P1"],
    "since": dt.date(2024, 1, 1),
}


def write(folder: Path, *polls: dict[str, Any], name: str = "polls.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"polls": list(polls)}), encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_polls(path, ["hmis"])
    head, *lines = str(caught.value).splitlines()
    assert "DATCHUAN_POLLS" in head
    return lines


def test_a_poll_is_read_with_its_defaults_and_paths_seen_from_its_file(tmp_path: Path) -> None:
    (poll,) = load_polls(write(tmp_path, VALID), ["hmis"])

    assert (poll.url, poll.credentials_file) == ("https://dhis2.example/hmis", tmp_path / "secret")
    assert (poll.interval_seconds, poll.overlap, poll.children) == (900, HOUR, True)
    assert poll.first_start == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def test_a_folder_holds_several_files(tmp_path: Path) -> None:
    write(tmp_path, VALID, name="b.yaml")
    write(tmp_path, VALID | {"name": "other"}, name="a.yaml")

    assert [poll.name for poll in load_polls(tmp_path, ["hmis"])] == ["other", "hmis"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"source": "agri"}, "polls[0] (hmis).source = agri: has no profile in the catalog"),
        ({"url": "http://dhis2.example"}, "allow_http: true"),
        ({"url": "ftp://dhis2.example"}, "is not the address of an instance"),
        ({"url": "https://dhis2.example/api"}, "leave /api out"),
        ({"url": "https://dhis2.example/?a=b"}, "holds more than host and path"),
        ({"data_sets": ["a&orgUnit=x"]}, "is not an id or code of DHIS2"),
        ({"data_sets": []}, "polls[0] (hmis).data_sets"),
        ({"interval_seconds": 0}, "interval_seconds = 0"),
        ({"intervall": 5}, "is not a known key"),
        ({"since": "tomorrow"}, "write a date as 2024-03-01"),
        ({"id_schemes": {"orgunit": "code"}}, "is not what DHIS2 names by a scheme"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    assert told in "\n".join(problems(write(tmp_path, VALID | fields)))


def test_a_fault_is_told_once_and_of_the_poll_by_its_name(tmp_path: Path) -> None:
    lines = problems(write(tmp_path, VALID | {"name": "bac-ninh", "interval_seconds": 0}))

    assert len(lines) == 1
    assert "polls[0] (bac-ninh).interval_seconds = 0" in lines[0]


def test_a_file_without_a_poll_is_told(tmp_path: Path) -> None:
    (line,) = problems(write(tmp_path))

    assert "polls: tuple should have at least 1 item" in line
    assert "give at least one" in line


def test_all_faults_are_told_at_once_and_never_a_password(tmp_path: Path) -> None:
    first = VALID | {"url": "https://user:pa55@dhis2.example", "source": "agri"}

    lines = problems(write(tmp_path, first, VALID))

    assert len(lines) == 3
    assert "pa55" not in "\n".join(lines)
    assert "is the name of two polls" in lines[-1]


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    assert "missing" in problems(tmp_path / "none.yaml")[0]
    assert "no .yaml file" in problems(tmp_path)[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/dhis", "http://localhost/dhis", "http://[::1]:8080"])
def test_http_to_this_machine_is_no_risk(tmp_path: Path, url: str) -> None:
    assert load_polls(write(tmp_path, VALID | {"url": url}), ["hmis"])


def test_the_scope_changes_with_what_is_asked_for_and_not_with_how_often(tmp_path: Path) -> None:
    (poll,) = load_polls(write(tmp_path, VALID), ["hmis"])

    assert poll.model_copy(update={"interval_seconds": 60.0}).scope == poll.scope
    assert poll.model_copy(update={"org_units": ("P1", "P2")}).scope != poll.scope
    assert poll.model_copy(update={"since": dt.date(2023, 1, 1)}).scope != poll.scope


@given(
    server=st.timedeltas(min_value=-HOUR, max_value=HOUR),
    elapsed=st.timedeltas(min_value=dt.timedelta(), max_value=30 * HOUR),
    jump=st.timedeltas(min_value=-5 * HOUR, max_value=5 * HOUR),
)
def test_a_window_never_begins_after_what_the_server_may_have_written_since(
    server: dt.timedelta, elapsed: dt.timedelta, jump: dt.timedelta
) -> None:
    last = Mark(server=NOON + server, ours=NOON)
    now = Mark(server=NOON + server + elapsed + jump, ours=NOON + elapsed)

    start = window_start(last, now, NOON - 1000 * HOUR, HOUR)

    assert start <= last.server - HOUR  # by the clock as it was
    assert start <= last.server + jump - HOUR or jump > dt.timedelta()  # and by the clock as it is


def test_the_first_window_begins_at_the_configured_day() -> None:
    assert window_start(None, Mark(NOON, NOON), NOON - HOUR, HOUR) == NOON - HOUR


@given(units=st.lists(st.text("abc", min_size=1), min_size=1, unique=True), size=st.integers(1, 7))
def test_parts_hold_every_unit_once_also_after_halving(units: list[str], size: int) -> None:
    parts = list(parts_of(units, size, children=True))
    halved = [half for part in parts for half in (halves_of(part) if len(part.units) > 1 else [part])]

    assert [unit for part in parts for unit in part.units] == units
    assert [unit for part in halved for unit in part.units] == units
    assert all(len(part.units) <= size and part.children for part in parts)


def test_below_a_unit_are_itself_and_the_branches_of_its_children() -> None:
    assert below("D1", ["C1", "C2", "C3"], 2) == [
        Part(("D1",), False),
        Part(("C1", "C2"), True),
        Part(("C3",), True),
    ]


def test_pauses_are_bounded_however_many_failures() -> None:
    assert backoff_seconds(10_000, 5, 900, 0) == 900


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("user:pass:word\n", "Basic dXNlcjpwYXNzOndvcmQ="),
        ("ApiToken d2pat_x\n", "ApiToken d2pat_x"),
        ("người:mật", "Basic bmfGsOG7nWk6beG6rXQ="),
    ],
)
def test_credentials_become_a_header(tmp_path: Path, text: str, header: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text, encoding="utf-8")

    assert read_authorization(file) == header


@pytest.mark.parametrize("text", ["", "secretword", ":secretword", "user:", "user:secretword\nmore:", "ApiToken a b"])
def test_a_file_that_holds_none_is_told_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(PollFailedError) as caught:
        read_authorization(file)

    assert caught.value.kind is PollFailure.CREDENTIALS
    assert "secretword" not in str(caught.value)


def test_a_file_that_others_may_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    assert not warn_of_open_file(file)
    file.chmod(0o640)
    assert warn_of_open_file(file)


def answer(status: int, content: bytes = b"{}", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content, headers={"content-type": "application/json"} | named)


def test_a_refusal_repeats_what_the_server_says_made_harmless() -> None:
    body = b'{"message":"User is not allowed\\u001b[2J to read","errorCode":"E2010"}'

    refusal = refusal_of(answer(409), body, 0)

    assert refusal is not None
    assert (refusal.kind, refusal.error_code) == (PollFailure.REFUSED, "E2010")
    assert "E2010 User is not allowed[2J to read" in str(refusal)


def test_json_is_no_refusal() -> None:
    assert refusal_of(answer(200), b"{}", 0) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("17", 17),
        ("99999999999999", 3600),
        ("Tue, 15 Oct 2024 12:01:00 GMT", 60),
        ("Tue, 15 Oct 2024 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_by_the_servers_own_clock(header: str, seconds: float) -> None:
    assert seconds_to_wait(answer(503, date="Tue, 15 Oct 2024 12:00:00 GMT", retry_after=header)) == seconds
