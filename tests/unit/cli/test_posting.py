"""How files are sent and answers are read."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datchuan.cli.import_report import Lang, conflict_line
from datchuan.errors import CommandError
from datchuan.sending.folders import Item
from datchuan.sending.pieces import Piece
from datchuan.sending.posting import PostingError, Sender
from datchuan.sending.tallies import COUNTS, Tally, dhis2_tally, tally_of

BODY = b'{"id":"1"}\n{}\n'
LINES = Piece(Item("x.ndjson", 'x".ndjson', io.BytesIO(BODY), len(BODY)), 0, len(BODY), lines_before=1_000)
REPORT = {"rows": 2, "accepted": 1, "quarantined": 1, "conflicts": [{"place": "line 2", "code": "missing_field"}]}


def client(answer: Callable[[httpx.Request], Any]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://ingest")


async def send(answer: Callable[[httpx.Request], Any], **asked: str) -> Tally:
    async with client(answer) as http:
        return await Sender(http, "dcn_x").send(LINES, asked)


async def test_line_numbers_of_a_later_request_are_those_of_the_file() -> None:
    tally = await send(lambda _request: httpx.Response(202, json=REPORT))

    assert (tally.rows, tally.accepted, tally.quarantined) == (2, 1, 1)
    assert tally.conflicts[0]["place"] == "line 1002"


def test_tallies_add_up() -> None:
    one = Tally(rows=1, accepted=1, forecast={"verdicts": [1], "omitted": 1})
    other = tally_of({**REPORT, "duplicates": 1, "forecast": {"verdicts": [2], "alerts": [3]}})

    total = one + other

    assert total.counts == {**dict.fromkeys(COUNTS, 0), "rows": 3, "accepted": 2, "duplicates": 1, "quarantined": 1}
    assert {name: total.forecast[name] for name in ("verdicts", "alerts", "omitted")} == {
        "verdicts": [1, 2], "alerts": [3], "omitted": 1,
    }  # fmt: skip


def test_no_more_than_a_hundred_conflicts_are_kept_and_the_others_counted() -> None:
    total = Tally(conflicts=({"place": "x"},) * 90) + Tally(conflicts=({"place": "y"},) * 30, conflicts_omitted=5)

    assert (len(total.conflicts), total.conflicts_omitted) == (100, 25)


def test_a_dhis2_answer_tells_corrections_from_what_was_known() -> None:
    count = {"imported": 2, "updated": 1, "ignored": 4, "deleted": 1}
    answer = {"response": {"importCount": count, "duplicates": 2, "stale": 1, "quarantined": 1, "conflicts": [{}]}}

    tally = dhis2_tally(answer)

    assert (tally.rows, tally.journaled, tally.duplicates, tally.quarantined) == (8, 5, 2, 1)


async def test_a_dhis2_answer_that_refuses_the_request_is_no_tally() -> None:
    count = {"imported": 0, "updated": 0, "ignored": 0, "deleted": 0}
    answer = {"message": "A valid token is needed.", "response": {"importCount": count, "rejectedIndexes": []}}

    async with client(lambda _request: httpx.Response(401, json=answer)) as http:
        with pytest.raises(PostingError, match="A valid token is needed"):
            await Sender(http, "wrong").post_dhis2({"dataValues": []})


async def test_a_request_carries_the_file_with_its_name_the_token_and_what_is_asked() -> None:
    seen: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(202, json=REPORT)

    async with client(answer) as http:
        sent: list[int] = []
        await Sender(http, "dcn_x").send(LINES, {"period": "2024Q3"}, sent.append)

    (request,) = seen
    assert request.headers["Authorization"] == "Bearer dcn_x"
    assert (request.url.path, request.url.query) == ("/v1/import", b"period=2024Q3")
    assert b'filename="x_.ndjson"' in request.content
    assert BODY in request.content
    assert int(request.headers["Content-Length"]) == len(request.content)
    assert sum(sent) == len(BODY)


async def test_an_outage_is_waited_out_and_the_whole_file_is_sent_again() -> None:
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}, json={"title": "The database is away"}),
        httpx.Response(202, json=REPORT),
    ]
    bodies: list[bytes] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(await request.aread())
        return answers.pop(0)

    tally = await send(answer)

    assert tally.accepted == 1
    assert [body.count(BODY) for body in bodies] == [1, 1]


async def test_a_refused_file_is_told_with_its_remedy_and_stops_no_other() -> None:
    problem = {"title": "Data of single persons is refused", "detail": "It names persons.", "remedy": "Send counts."}

    tally = await send(lambda _request: httpx.Response(422, json=problem))

    assert tally.problem == "It names persons. Send counts."


async def test_what_had_been_taken_before_a_refusal_is_counted() -> None:
    problem = {"detail": "Reading stopped at line 9.", "taken": {"rows": 8, "accepted": 8}}

    tally = await send(lambda _request: httpx.Response(400, json=problem))

    assert (tally.rows, tally.accepted, tally.problem) == (8, 8, "Reading stopped at line 9.")


async def test_a_refusal_that_holds_for_every_file_stops_the_command() -> None:
    problem = {"title": "A valid token is needed", "detail": "unknown token", "remedy": "Send the header."}

    with pytest.raises(PostingError, match=r"\(401\): unknown token\. Send the header\."):
        await send(lambda _request: httpx.Response(401, json=problem))


async def test_an_answer_that_says_that_no_row_was_good_is_a_tally_and_no_refusal() -> None:
    body = {"detail": "…", "rows": 1, "accepted": 0, "quarantined": 1, "conflicts": []}

    tally = await send(lambda _request: httpx.Response(422, content=json.dumps(body).encode()))

    assert (tally.rows, tally.quarantined, tally.problem) == (1, 1, "")


async def test_an_ingest_that_is_not_there_is_told_in_whole_sentences() -> None:
    async with httpx.AsyncClient(base_url="ftp://ingest") as http:
        with pytest.raises(PostingError) as error:
            await Sender(http, "dcn_x").send(LINES, {})

    sentence = CommandError(str(error.value), "What was sent before is stored.").sentence()
    assert sentence.endswith("'ftp://'. Is `datchuan up` running? What was sent before is stored.")


def test_a_conflict_is_told_in_one_line_and_in_vietnamese_when_asked() -> None:
    conflict: dict[str, Any] = {
        "place": "BHYT!F6", "places": ["BHYT!F6", "BHYT!G6"], "code": "contradicted", "field": "value", "value": "1",
        "detail": "", "remedy": "Keep one.", "remedy_vi": "Chỉ giữ một số.",
    }  # fmt: skip

    assert conflict_line(conflict) == "BHYT!F6 (and 1 more): contradicted value='1' – Keep one."
    assert conflict_line(conflict, Lang.VI).endswith("Chỉ giữ một số.")
