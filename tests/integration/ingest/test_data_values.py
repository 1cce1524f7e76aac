"""POST /api/dataValueSets: answered in DHIS2's own shape."""

import base64
from typing import Any

import pytest

pytestmark = pytest.mark.integration


def a_value(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "dataElement": "Paper",
        "period": "202409",
        "orgUnit": "C1",
        "value": "true",
    }
    return {name: value for name, value in (known | fields).items() if value is not None}


def counts(answer: Any) -> dict[str, int]:
    found: dict[str, int] = answer.json()["response"]["importCount"]
    return found


async def test_values_are_imported_and_answered_as_dhis2_does(service: Any) -> None:
    answer = await service.post_values(
        a_value(),
        a_value(dataElement="Cards", categoryOptionCombo="Male", value="9"),
        a_value(dataElement="People", categoryOptionCombo="Male", value=10),
        completeDate="2024-10-02",
    )

    body = answer.json()
    assert answer.status_code == 200
    assert (body["httpStatus"], body["httpStatusCode"], body["status"]) == ("OK", 200, "OK")
    assert (body["response"]["responseType"], body["response"]["status"]) == ("ImportSummary", "SUCCESS")
    assert counts(answer) == {"imported": 3, "updated": 0, "ignored": 0, "deleted": 0}
    assert body["response"]["dataSetComplete"] == "2024-10-02"
    assert len(await service.journal()) == 2


async def test_a_bad_value_is_a_warning_with_its_index(service: Any) -> None:
    answer = await service.post_values(a_value(), a_value(orgUnit="DiszpKrYNg8"))

    body = answer.json()
    (conflict,) = body["response"]["conflicts"]
    assert (answer.status_code, body["status"]) == (200, "WARNING")
    assert counts(answer) == {"imported": 1, "updated": 0, "ignored": 1, "deleted": 0}
    assert body["response"]["rejectedIndexes"] == [1]
    assert (conflict["errorCode"], conflict["property"], conflict["object"]) == (
        "unknown_commune", "orgUnit", "DiszpKrYNg8",
    )  # fmt: skip
    assert conflict["objects"] == {"dataElement": "Paper", "period": "202409", "orgUnit": "DiszpKrYNg8"}
    assert conflict["indexes"] == [1]


async def test_only_bad_values_are_a_conflict(service: Any) -> None:
    answer = await service.post_values(a_value(value="x"), dataSet="F")

    assert (answer.status_code, answer.json()["status"]) == (409, "ERROR")
    assert len(await service.quarantine.list()) == 1


async def test_a_dry_run_answers_the_same_and_stores_nothing(service: Any) -> None:
    await service.post_values(a_value())

    rehearsed = await service.post_values(a_value(), a_value(orgUnit="C2"), a_value(value="x"), query="?dryRun=true")

    assert counts(rehearsed) == {"imported": 1, "updated": 0, "ignored": 2, "deleted": 0}
    assert len(await service.journal()) == 1
    assert await service.quarantine.list() == []
    assert "quarantineId" not in rehearsed.json()["response"]["conflicts"][0]
    real = await service.post_values(a_value(), a_value(orgUnit="C2"), a_value(value="x"))
    assert counts(real) == counts(rehearsed)


async def test_without_times_a_resend_is_a_replay_and_a_return_to_an_old_value_is_new(service: Any) -> None:
    taken = []
    for value in ("true", "true", "false", "false", "true", "true"):
        answer = await service.post_values(a_value(value=value))
        taken.append(tuple(counts(answer)[name] for name in ("imported", "updated", "ignored")))

    assert taken == [(1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 0, 1), (0, 1, 0), (0, 0, 1)]
    assert len(set(await service.journal())) == 3


async def test_without_times_two_values_of_one_fact_contradict_each_other(service: Any) -> None:
    answer = await service.post_values(a_value(value="true"), a_value(value="false"), a_value(orgUnit="C2"))

    conflicts = answer.json()["response"]["conflicts"]
    assert counts(answer) == {"imported": 1, "updated": 0, "ignored": 2, "deleted": 0}
    assert [(conflict["errorCode"], conflict["place"]) for conflict in conflicts] == [
        ("contradicted", "dataValues[0]"), ("contradicted", "dataValues[1]"),
    ]  # fmt: skip


async def test_the_same_value_twice_in_one_request_is_a_duplicate(service: Any) -> None:
    answer = await service.post_values(*[a_value()] * 4)

    assert (counts(answer)["imported"], answer.json()["response"]["duplicates"]) == (1, 3)


def timed(value: str, day: int) -> dict[str, Any]:
    return a_value(value=value, lastUpdated=f"2024-10-{day:02}T01:30:00.000+0000")


async def test_a_newer_value_is_an_update_and_an_older_one_is_stale(service: Any) -> None:
    answers = [await service.post_values(timed(*sent)) for sent in (("true", 5), ("false", 6), ("true", 4))]

    told = [(counts(answer), answer.json()["response"]["stale"]) for answer in answers]
    assert told == [
        ({"imported": 1, "updated": 0, "ignored": 0, "deleted": 0}, 0),
        ({"imported": 0, "updated": 1, "ignored": 0, "deleted": 0}, 0),
        ({"imported": 0, "updated": 0, "ignored": 1, "deleted": 0}, 1),
    ]
    assert [answer.json()["status"] for answer in answers] == ["OK"] * 3
    assert len(await service.journal()) == 3


async def test_in_one_request_the_older_of_two_values_is_stale(service: Any) -> None:
    answer = await service.post_values(timed("false", 6), timed("true", 5))

    assert (counts(answer)["imported"], answer.json()["response"]["stale"]) == (1, 1)


async def test_a_dry_run_tells_stale_values_and_remembers_nothing(service: Any) -> None:
    await service.post_values(timed("true", 5))

    rehearsed = [await service.post_values(timed("false", day), query="?dryRun=true") for day in (4, 6, 6)]

    assert [answer.json()["response"]["stale"] for answer in rehearsed] == [1, 0, 0]
    assert [counts(answer)["updated"] for answer in rehearsed] == [0, 1, 1]


async def test_with_times_a_resend_is_a_replay(service: Any) -> None:
    value = a_value(lastUpdated="2024-10-02T01:30:00.000+0000")
    await service.post_values(value)

    again = await service.post_values(value)

    assert again.json()["response"]["duplicates"] == 1
    assert again.json()["status"] == "OK"


async def test_deletions_are_counted_as_such(service: Any) -> None:
    await service.post_values(a_value())

    answer = await service.post_values(a_value(deleted=True, value=None))

    assert counts(answer) == {"imported": 0, "updated": 0, "ignored": 0, "deleted": 1}


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        pytest.param("?importStrategy=CREATE", b'{"dataValues":[]}', 409, id="another strategy"),
        pytest.param("?async=true", b'{"dataValues":[]}', 409, id="asynchronous"),
        pytest.param("", b"", 409, id="empty body"),
        pytest.param("", b'{"dataValues":', 409, id="cut off"),
        pytest.param("", b"[]", 409, id="no data value set"),
        pytest.param("", b'{"events":[{"trackedEntity":"x"}]}', 422, id="tracker data"),
    ],
)
async def test_a_refusal_has_dhis2s_shape(service: Any, query: str, body: bytes, status: int) -> None:
    answer = await service.client.post(
        f"/api/dataValueSets{query}", content=body, headers={"Content-Type": "application/json"}
    )

    told = answer.json()
    assert (answer.status_code, told["httpStatusCode"], told["status"]) == (status, status, "ERROR")
    assert told["message"]
    assert told["response"]["status"] == "ERROR"


async def test_an_empty_data_value_set_is_ok(service: Any) -> None:
    assert counts(await service.post_values()) == {"imported": 0, "updated": 0, "ignored": 0, "deleted": 0}


async def test_a_source_without_a_profile_is_told_so(service: Any) -> None:
    _, token = await service.tokens.create("other", "agri")

    answer = await service.client.post(
        "/api/dataValueSets", json={"dataValues": [a_value()]}, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 409
    assert "profile" in answer.json()["message"]


async def test_a_dhis2_sender_may_use_basic_authorization_and_a_versioned_path(service: Any) -> None:
    _, token = await service.tokens.create("basic", "hmis")
    basic = base64.b64encode(f"admin:{token}".encode()).decode()

    answer = await service.client.post(
        "/api/41/dataValueSets", json={"dataValues": [a_value()]}, headers={"Authorization": f"Basic {basic}"}
    )

    assert counts(answer)["imported"] == 1
