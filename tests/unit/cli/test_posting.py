"""How reports are sent and answers are read."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from datchuan.errors import CommandError
from datchuan.sending.payloads import Format, Payload
from datchuan.sending.posting import PostingError, Sender, Tally, dhis2_tally, events_tally

LINES = Payload(Path("x.ndjson"), Format.NDJSON, b"{}\n", first_line=1_001)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://ingest")


def test_line_numbers_of_a_later_request_are_those_of_the_file() -> None:
    answer = {"accepted": 1, "duplicates": 2, "quarantined": 1, "errors": [{"row": 3, "row_kind": "line"}]}

    tally = events_tally(answer, lines_before=1_000)

    assert (tally.rows, tally.accepted, tally.duplicates, tally.quarantined) == (4, 1, 2, 1)
    assert tally.errors[0]["row"] == 1_003


def test_tallies_add_up() -> None:
    assert Tally(1, 1) + Tally(2, 0, 1, 1, ({"row": 1},)) == Tally(3, 1, 1, 1, ({"row": 1},))


def test_what_a_dhis2_answer_calls_updated_is_a_duplicate() -> None:
    count = {"imported": 2, "updated": 3, "ignored": 1, "deleted": 1}
    answer = {"response": {"importCount": count, "rejectedIndexes": [4], "conflicts": [{"value": "x"}]}}

    assert dhis2_tally(answer) == Tally(7, 3, 3, 1, ({"value": "x"},))


async def test_a_dhis2_answer_that_refuses_the_request_is_no_tally() -> None:
    count = {"imported": 0, "updated": 0, "ignored": 0, "deleted": 0}
    answer = {"message": "A valid token is needed.", "response": {"importCount": count, "rejectedIndexes": []}}

    async with client(lambda _request: httpx.Response(401, json=answer)) as http:
        with pytest.raises(PostingError, match="A valid token is needed"):
            await Sender(http, "wrong").post_dhis2({"dataValues": []})


async def test_a_request_carries_token_type_and_body() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"accepted": 1, "duplicates": 0, "quarantined": 0, "errors": []})

    async with client(answer) as http:
        tally = await Sender(http, "dcn_x").post(LINES)

    assert tally.accepted == 1
    assert seen[0].headers["Authorization"] == "Bearer dcn_x"
    assert seen[0].headers["Content-Type"] == "application/x-ndjson"
    assert seen[0].url.path == "/v1/events"


async def test_an_outage_is_waited_out() -> None:
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}, json={"title": "The database is away"}),
        httpx.Response(202, json={"accepted": 1, "duplicates": 0, "quarantined": 0, "errors": []}),
    ]

    async with client(lambda _request: answers.pop(0)) as http:
        tally = await Sender(http, "dcn_x").post(LINES)

    assert tally.accepted == 1


async def test_a_refusal_is_told_with_its_remedy() -> None:
    problem = {"title": "A valid token is needed", "detail": "unknown token", "remedy": "Send the header."}

    async with client(lambda _request: httpx.Response(401, json=problem)) as http:
        with pytest.raises(PostingError, match=r"\(401\): unknown token\. Send the header\."):
            await Sender(http, "wrong").post(LINES)


async def test_an_answer_that_says_that_no_row_was_good_is_a_tally_and_no_refusal() -> None:
    body = {"detail": "…", "accepted": 0, "duplicates": 0, "quarantined": 1, "errors": [{"row": 1, "row_kind": "line"}]}

    async with client(lambda _request: httpx.Response(422, content=json.dumps(body).encode())) as http:
        tally = await Sender(http, "dcn_x").post(LINES)

    assert (tally.rows, tally.quarantined) == (1, 1)


async def test_an_ingest_that_is_not_there_is_told_in_whole_sentences() -> None:
    async with httpx.AsyncClient(base_url="ftp://ingest") as http:
        with pytest.raises(PostingError) as error:
            await Sender(http, "dcn_x").post(LINES)

    sentence = CommandError(str(error.value), "What was sent before is stored.").sentence()
    assert sentence.endswith("'ftp://'. Is `datchuan up` running? What was sent before is stored.")
