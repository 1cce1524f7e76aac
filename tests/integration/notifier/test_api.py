"""The notifier's interface for programs, over HTTP on a real database."""

import datetime as dt
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.app import edge
from services.notifier.domain.links import token_for
from services.notifier.settings import NotifierSettings
from shared.contracts.vocabulary import VerdictStatus
from shared.embedded.ports import free_port
from shared.runtime.database import create_database
from shared.runtime.ops import ops_routes
from shared.runtime.settings import load
from shared.testing.notifying import Notifiers, is_ready
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach, a_cell, a_change, a_recovery, a_silent_cell
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

TOKEN = "a-token-of-a-dashboard"
HERE, ELSEWHERE = "06208", "06211"
FEMALE = f"{HERE}:xa_ntm/15.1:female:1"
BY = {"by": "Nguyễn Thị Hoà, Phó Giám đốc", "note": "đã giao đôn đốc"}


class Api(Office):
    """The endpoints in this process, on the alerts of one database."""

    def __init__(self, engine: AsyncEngine, **settings: str) -> None:
        super().__init__(engine)
        given = {"DATCHUAN_NOTIFIER_API_TOKEN": TOKEN} | {f"DATCHUAN_{k.upper()}": v for k, v in settings.items()}
        loaded = load(NotifierSettings, {name: value for name, value in given.items() if value})
        silences = SqlSilences(engine, self.catalog, self.clock)
        app = edge(loaded, engine, self.catalog, self.clock, silences).application(ops_routes(CollectorRegistry(), {}))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://notifier",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ids(self, **query: Any) -> list[str]:
        return [alert["id"] for alert in (await self.get("/v1/alerts", **query))["alerts"]]

    async def silence(self, **fields: Any) -> httpx.Response:
        ends_at = (self.clock.now() + dt.timedelta(hours=1)).isoformat()
        request = {"author": "Bà Hoa", "reason": "Đối chiếu số liệu", "units": [HERE], "ends_at": ends_at} | fields
        return await self.client.post("/v1/silences", json=request)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test")
    yield engine
    await engine.dispose()


@pytest.fixture
async def api(engine: AsyncEngine) -> AsyncIterator[Api]:
    api = Api(engine)
    await api.tell(a_breach(1), a_breach(2, unit=ELSEWHERE))
    async with api.client:
        yield api


async def test_an_alert_shows_at_once_that_it_is_silenced_and_that_it_no_longer_is(api: Api) -> None:
    """AM TestAlertGetReturnsCurrentAlertStatus."""
    assert (await api.get(f"/v1/alerts/{FEMALE}"))["state"] == "open"

    silence = (await api.silence()).json()
    held = await api.get(f"/v1/alerts/{FEMALE}")
    ended = await api.client.request("DELETE", f"/v1/silences/{silence['id']}", json={"by": "Ông Bình"})

    assert held["state"] == "silenced"
    assert [(hush["id"], hush["author"], hush["reason"]) for hush in held["silences"]] == [
        (silence["id"], "Bà Hoa", "Đối chiếu số liệu")
    ]
    assert (ended.status_code, ended.json()["state"], ended.json()["ended_by"]) == (200, "ended", "Ông Bình")
    assert (await api.get(f"/v1/alerts/{FEMALE}"))["state"] == "open"


async def test_an_alert_shows_what_it_is_about_and_whom_it_was_told(api: Api) -> None:
    """AM TestAddAlerts."""
    alert = await api.get(f"/v1/alerts/{FEMALE}")

    assert alert["unit"] == {
        "id": HERE, "code": HERE, "name_vi": "Xã Thụy Hùng", "place_vi": "Xã Thụy Hùng, Huyện Cao Lộc, Tỉnh Lạng Sơn",
    }  # fmt: skip
    assert (alert["kind"], alert["node"], alert["cell"], alert["flapping"]) == (
        "breach",
        "xa_ntm/15.1",
        "female",
        False,
    )
    assert [cell["numerator"] for cell in alert["cells"]] == [1200, 1149]
    assert [alert[name] for name in ("numerator", "denominator", "percent", "gap")] == [1149, 1292, 88.9319, 14]
    assert {(line["responsible_unit"], line["role"], line["status"]) for line in alert["told"]} >= {
        ("bhxh", "lead", "waiting")
    }


async def test_the_verdict_of_an_alert_is_that_of_its_own_cell_beside_that_of_the_whole(api: Api) -> None:
    missing = a_change(3, a_cell("female"), a_silent_cell("male"), to=VerdictStatus.NOT_EVALUABLE)

    await api.tell(missing)
    still = await api.get(f"/v1/alerts/{FEMALE}")
    await api.tell(a_change(4, a_cell("female", 1200, 1292), a_cell("male", 1149, 1292)))
    ended = await api.get(f"/v1/alerts/{FEMALE}")

    assert (still["state"], still["status"], still["reason"]) == ("open", "not_met", "below_target")
    assert (still["indicator_status"], still["indicator_reason"]) == ("not_evaluable", "missing_sex")
    assert (ended["state"], ended["status"], ended["reason"], ended["numerator"]) == (
        "ended",
        "met",
        "target_met",
        1200,
    )
    assert (ended["indicator_status"], ended["indicator_reason"]) == ("not_met", "below_target")


async def test_alerts_are_filtered(api: Api) -> None:
    """AM TestFilterAlertRequest, TestAddUTF8Alerts."""
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {HERE, ELSEWHERE}),
        ({"unit": "183"}, {HERE, ELSEWHERE}),
        ({"unit": "Huyện Cao Lộc"}, {HERE, ELSEWHERE}),
        ({"unit": unicodedata.normalize("NFD", "Xã Thụy Hùng")}, {HERE}),
        ({"unit": HERE, "node": "xa_ntm"}, {HERE}),
        ({"unit": HERE, "node": "15.1"}, {HERE}),
        ({"node": "xa_ntm/15.2"}, set()),
        ({"kind": "breach"}, {HERE, ELSEWHERE}),
        ({"kind": "data_gap"}, set()),
        ({"responsible_unit": "Bảo hiểm xã hội huyện"}, {HERE, ELSEWHERE}),
        ({"responsible_unit": "chu_tich"}, set()),
        ({"state": "ended"}, set()),
        ({"state": ["open", "ended"]}, {HERE, ELSEWHERE}),
    ]

    found = [(query, {each.partition(":")[0] for each in await api.ids(**query)}) for query, _ in cases]

    assert found == cases


async def test_states_are_told_apart_and_ended_alerts_are_shown_when_asked_for(api: Api) -> None:
    await api.tell(a_recovery(3, unit=ELSEWHERE))
    await api.silence()

    assert await api.ids(state="open") == []
    assert await api.ids(state="silenced") == [FEMALE]
    assert [each.partition(":")[0] for each in await api.ids(state="ended")] == [ELSEWHERE]


async def test_pages_hold_every_alert_once(api: Api) -> None:
    units = [unit.id for unit in api.catalog.units if unit.parent == "183"]
    await api.tell(*(a_breach(10 + number, unit=unit) for number, unit in enumerate(units)))
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await api.get("/v1/alerts", limit=5, **({"cursor": cursor} if cursor else {}))
        assert len(page["alerts"]) <= 5
        found += [alert["id"] for alert in page["alerts"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == sorted(set(found))
    assert len(found) == len(units)


async def test_an_acknowledgement_is_shown_at_once_and_can_be_taken_back(api: Api) -> None:
    path = f"/v1/alerts/{FEMALE}/acknowledge"

    acknowledged = await api.client.post(path, json=BY)
    listed = await api.ids(state="acknowledged")
    freed = await api.client.request("DELETE", path, json={"by": "Ông Bình"})
    again = await api.client.request("DELETE", path, json={"by": "Ông Bình"})

    assert (acknowledged.status_code, acknowledged.json()["state"]) == (200, "acknowledged")
    assert acknowledged.json()["acknowledged"]["by"] == BY["by"]
    assert listed == [FEMALE]
    assert (freed.status_code, freed.json()["state"]) == (200, "open")
    assert (again.status_code, again.json()["type"]) == (409, "urn:datchuan:problem:not_acknowledged")


async def test_what_has_ended_cannot_be_acknowledged(api: Api) -> None:
    await api.tell(a_recovery(3))

    answer = await api.client.post(f"/v1/alerts/{FEMALE}/acknowledge", json=BY)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:datchuan:problem:not_open")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_silences_in_vietnamese_are_kept_composed_and_found_again(api: Api, form: Any) -> None:
    """AM TestAddUTF8Silences, TestSendAlertsToUTF8Route."""
    words = {"author": "Nguyễn Thị Hoà", "reason": "Đối chiếu số liệu Tết Nguyên Đán"}
    sent = {key: unicodedata.normalize(form, value) for key, value in words.items()}

    answer = await api.silence(**sent, units=[unicodedata.normalize(form, "Xã Thụy Hùng")])
    found = (await api.get("/v1/silences", unit=unicodedata.normalize(form, "Xã Thụy Hùng")))["silences"]

    assert answer.status_code == 201, answer.text
    assert [{key: silence[key] for key in words} for silence in found] == [words]
    assert [unit["name_vi"] for unit in found[0]["units"]] == ["Xã Thụy Hùng"]
    assert await api.ids(state="silenced") == [FEMALE]


async def test_a_silence_without_author_reason_end_and_matchers_is_refused_with_all_that_is_missing(api: Api) -> None:
    """AM TestAddSilence."""
    answer = await api.client.post("/v1/silences", json={"reason": ""})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == ["author", "reason", "ends_at", "units"]
    assert all(error["remedy"] for error in answer.json()["errors"])
    assert (await api.get("/v1/silences"))["silences"] == []


async def test_a_silence_ends_once(api: Api) -> None:
    """AM TestSilenceDelete."""
    silence = (await api.silence()).json()["id"]
    who = {"by": "Ông Bình", "reason": "Xong"}

    answers = [await api.client.request("DELETE", f"/v1/silences/{silence}", params=who) for _ in range(2)]
    missing = await api.client.request("DELETE", "/v1/silences/im-lang-0", params={"by": "Ông Bình"})
    nobody = await api.client.request("DELETE", f"/v1/silences/{silence}")

    assert [answer.status_code for answer in (*answers, missing, nobody)] == [200, 409, 404, 422]
    assert answers[0].json()["end_reason"] == "Xong"


async def test_a_request_that_cannot_be_answered_is_told_what_to_mend(api: Api) -> None:
    cases: list[tuple[str, dict[str, str], int]] = [
        ("/v1/alerts", {"unit": "Xã Không Có"}, 400),
        ("/v1/alerts", {"node": "xa_ntm/99"}, 400),
        ("/v1/alerts", {"kind": "fire"}, 400),
        ("/v1/alerts", {"state": "sad"}, 400),
        ("/v1/alerts", {"responsible_unit": "sở"}, 400),
        ("/v1/alerts", {"limit": "0"}, 400),
        ("/v1/alerts", {"limit": "1001"}, 400),
        ("/v1/alerts", {"limit": "9" * 5_000}, 400),
        ("/v1/alerts", {"limit": "²"}, 400),
        ("/v1/alerts", {"cursor": "ạ"}, 400),
        ("/v1/alerts", {"cursor": "AA=="}, 400),
        ("/v1/alerts", {"untis": HERE}, 400),
        ("/v1/alerts/%00", {}, 400),
        ("/v1/silences/a%00", {}, 400),
        ("/v1/alerts/none:of:these:1", {}, 404),
        ("/v1/silences/none", {}, 404),
        ("/v1/nothing", {}, 404),
    ]

    for path, query, status in cases:
        answer = await api.client.get(path, params=query)
        assert answer.status_code == status, (path, query, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["remedy"]


async def test_bodies_are_bounded_and_checked(api: Api) -> None:
    cases = [
        (b"{", 400),
        (b"[]", 400),
        (b'{"by": "\xff"}', 400),
        (b'{"by": "x", "note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"by": "\\u0000 "}', 422),
        (b'{"by": 7}', 422),
        (b'{"by": "' + b"a" * 201 + b'"}', 422),
        (b" " * 300_000, 413),
    ]

    for body, status in cases:
        answer = await api.client.post(f"/v1/alerts/{FEMALE}/acknowledge", content=body)
        assert answer.status_code == status, (body[:50], answer.text)
    announced = {"content-length": "9" * 5_000}
    answer = await api.client.post(f"/v1/alerts/{FEMALE}/acknowledge", content=b"{}", headers=announced)
    assert answer.status_code == 413
    assert await api.ids(state="acknowledged") == []


async def test_only_those_with_the_token_are_answered(api: Api) -> None:
    cases = {"": 401, "Bearer wrong": 401, "Bearer ạ": 401, f"Basic {TOKEN}": 401, f"bearer {TOKEN}": 200}

    for path in ("/v1/alerts", f"/v1/alerts/{FEMALE}", "/v1/silences"):
        for header, status in cases.items():
            answer = await api.client.get(path, headers={b"Authorization": header.encode()})
            assert answer.status_code == status, (path, header)
            assert (answer.headers.get("www-authenticate") is not None) is (status == 401)


async def test_without_a_token_the_interface_is_off_and_says_how_to_switch_it_on(engine: AsyncEngine) -> None:
    api = Api(engine, notifier_api_token="")
    async with api.client:
        answer = await api.client.get("/v1/alerts")

    assert answer.status_code == 503
    assert "DATCHUAN_NOTIFIER_API_TOKEN" in answer.json()["remedy"]


async def test_all_paths_have_the_prefix_but_those_of_the_operators(engine: AsyncEngine) -> None:
    """AM TestWebWithPrefix."""
    api = Api(engine, path_prefix="/y-te/canh-bao")
    async with api.client:
        paths = ("/v1/alerts", "/v1/silences", "/ack/x.y")
        with_prefix = [(await api.client.get(f"/y-te/canh-bao{path}")).status_code for path in paths]
        without = [(await api.client.get(path)).status_code for path in paths]
        ops = [(await api.client.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")]

    assert (with_prefix, without, ops) == ([200, 200, 403], [404, 404, 404], [200, 200, 200])


async def test_a_database_that_is_away_is_told_as_such(api: Api) -> None:
    away = create_database(SecretStr(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none"), "test")
    other = Api(away)
    async with other.client:
        answer = await other.client.get("/v1/alerts")
    await away.dispose()

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:datchuan:problem:store_unavailable")
    assert answer.headers["retry-after"]


async def test_connections_that_are_all_taken_are_told_as_an_outage_and_not_as_a_fault(api: Api) -> None:
    narrow = create_async_engine(api.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    other = Api(narrow, link_secret="s" * 40, public_url="https://x.example")
    link = token_for("d1", api.clock.now() + dt.timedelta(days=1), b"s" * 40)
    async with other.client, narrow.connect():
        program, reader = await other.client.get("/v1/alerts"), await other.client.get(f"/ack/{link}")
    await narrow.dispose()

    assert (program.status_code, program.json()["type"]) == (503, "urn:datchuan:problem:store_unavailable")
    assert (reader.status_code, "tạm thời gián đoạn" in reader.text) == (503, True)


async def test_flapping_is_shown(api: Api) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.alert SET flapping = true WHERE id = :id"), {"id": FEMALE})

    assert (await api.get(f"/v1/alerts/{FEMALE}"))["flapping"] is True


async def test_a_data_gap_is_shown_with_its_reason(api: Api) -> None:
    await api.tell(a_change(5, a_silent_cell("male"), a_silent_cell("female"), unit="06190"))

    (alert,) = (await api.get("/v1/alerts", kind="data_gap"))["alerts"]

    assert (alert["status_vi"], alert["reason_vi"]) == ("chưa đánh giá được", "thiếu số liệu của một giới")


async def test_the_notifier_serves_the_interface_and_holds_news_back_while_a_silence_lasts(
    notifiers: Notifiers,
) -> None:
    """AM TestSilencing, on the running service."""
    await notifiers.post.open()
    process, port = await notifiers.start_unready(notifier_api_token=TOKEN, path_prefix="/x")
    await until(lambda: is_ready(port), timeout=30, what="the notifier is ready")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/x", headers=headers) as client:
        ends_at = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()  # noqa: TID251 - a real service's clock
        request = {"author": "Bà Hoa", "reason": "Thử", "units": [HERE], "ends_at": ends_at}
        silence = (await client.post("/v1/silences", json=request)).json()
        await notifiers.tell(a_batch("m1", a_breach(1), a_breach(2, unit=ELSEWHERE)))
        await until(lambda: _sent(notifiers, ELSEWHERE), timeout=20, what="the other commune is told")
        held = await notifiers.rows("SELECT DISTINCT status, held_for FROM notifier.ledger WHERE unit = '06208'")
        await client.request("DELETE", f"/v1/silences/{silence['id']}", json={"by": "Bà Hoa"})
        await until(lambda: _sent(notifiers, HERE), timeout=20, what="what was held is told")

    assert held == [("waiting", "silence")]
    assert await process.end() == 0


async def _sent(notifiers: Notifiers, unit: str) -> bool:
    found = await notifiers.rows("SELECT DISTINCT status FROM notifier.ledger WHERE unit = :unit", unit=unit)
    return found == [("sent",)]
