"""The link in a message: to look at it changes nothing, its button acknowledges once."""

import datetime as dt
import html
import re
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.app import edge, grouper
from services.notifier.domain.links import token_for
from services.notifier.settings import NotifierSettings
from shared.catalog.load import SHIPPED, load_catalog
from shared.runtime.database import create_database
from shared.runtime.ops import ops_routes
from shared.runtime.settings import load
from shared.testing.verdicts import a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

SECRET = "bí mật đủ dài để ký liên kết xác nhận"
HERE = "06208"
LEAD = "bhxh.caoloc@langson.example"
NAME = "Nguyễn Thị Hoà, Phó Giám đốc"


class Desk(Office):
    """A notifier that writes links into its messages, and the pages behind them."""

    def __init__(self, engine: AsyncEngine, outbox: SqlOutbox, **settings: str) -> None:
        # At once, but with the deadlines of the shipped policies: an acknowledgement has something to stop.
        shipped = load_catalog(SHIPPED)
        super().__init__(engine)
        policies = self.catalog.policies.model_copy(update={"escalation": shipped.policies.escalation})
        fields = {name: getattr(self.catalog, name) for name in type(shipped).model_fields}
        self.catalog = type(shipped)(**fields | {"policies": policies})
        super().__init__(engine, self.catalog, self.clock)
        at_once = {"group_window_seconds": "0", "group_pause_seconds": "0"}
        given = {"link_secret": SECRET, "public_url": "http://notifier"} | at_once | settings
        loaded = load(NotifierSettings, {f"DATCHUAN_{k.upper()}": v for k, v in given.items() if v})
        self.grouper = grouper(loaded, outbox, self.catalog, self.clock, ())
        silences = SqlSilences(engine, self.catalog, self.clock)
        app = edge(loaded, engine, self.catalog, self.clock, silences).application(ops_routes(CollectorRegistry(), {}))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifier")

    async def link(self, address: str = LEAD) -> str | None:
        """Group what is due; return the link in the newest message to an address."""
        while await self.grouper.group_due():
            pass
        bodies = await self.rows(
            "SELECT body FROM notifier.delivery WHERE address = :address ORDER BY created_at DESC LIMIT 1",
            address=address,
        )
        found = re.search(r"http://notifier\S*/ack/\S+", bodies[0][0])
        return found[0] if found else None

    async def state(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT alert_id, state, acknowledged_by FROM notifier.course ORDER BY alert_id")

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    url = SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine = create_database(url, "test")
    desk = Desk(engine, Office(engine).outbox)
    async with desk.client:
        yield desk
    await engine.dispose()


def said(answer: httpx.Response) -> str:
    """Return the text of a page without its tags."""
    body = answer.text.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


async def test_looking_at_a_link_changes_nothing_however_often(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    link = await desk.link()
    assert link is not None

    answers = [await desk.client.request(method, link) for method in ("GET", "HEAD", "GET")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    page = said(answers[0])
    assert "Xã Thụy Hùng, Huyện Cao Lộc, Tỉnh Lạng Sơn: chỉ tiêu 15.1" in page
    assert "Bảo hiểm xã hội huyện" in page
    assert "chỉ phản ánh phần y tế" in page
    assert await desk.state() == [(f"{HERE}:xa_ntm/15.1:female:1", "running", None)]


async def test_the_page_loads_nothing_runs_nothing_and_is_kept_nowhere(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    answer = await desk.client.get(await desk.link() or "")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script|<link|<img|src=|http", answer.text)
    assert 'name="viewport"' in answer.text
    assert unicodedata.is_normalized("NFC", answer.text)


async def test_the_button_acknowledges_every_open_alert_of_the_message_once(desk: Desk) -> None:
    await desk.tell(a_breach(1), a_breach(2, node="xa_ntm_nang_cao/14.1"))
    link = await desk.link() or ""

    first = await desk.client.post(link, data={"by": unicodedata.normalize("NFD", NAME)})
    second = await desk.client.post(link, data={"by": "Người khác"})
    looked = await desk.client.get(link)

    assert first.status_code == 200
    assert "Đã ghi nhận xác nhận" in said(first)
    assert {row[1:] for row in await desk.state()} == {("acknowledged", NAME)}
    assert len(await desk.state()) == 2
    for later in (second, looked):
        assert "Thư này đã được xác nhận" in said(later)
        assert NAME in said(later)
        assert "<form" not in later.text
    assert await desk.rows("SELECT acknowledged_by FROM notifier.delivery WHERE acknowledged_at IS NOT NULL") == [
        (NAME,)
    ]
    lines = await desk.rows("SELECT actor, delivery_id IS NOT NULL FROM notifier.audit WHERE kind = 'acknowledged'")
    assert lines == [(NAME, True)] * 2


async def test_only_what_is_still_open_is_listed_and_acknowledged(desk: Desk) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))
    link = await desk.link() or ""
    await desk.tell(a_recovery(3, unit="06211"))

    page = said(await desk.client.get(link))
    await desk.client.post(link, data={"by": NAME})

    assert "Xã Thụy Hùng" in page
    assert "Xã Thạch Đạn" not in page
    assert {row[0].partition(":")[0]: row[1] for row in await desk.state()} == {
        HERE: "acknowledged",
        "06211": "ended",
    }


async def test_a_message_whose_alerts_are_over_asks_for_nothing(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    link = await desk.link() or ""
    await desk.tell(a_recovery(2))

    looked, pressed = await desk.client.get(link), await desk.client.post(link, data={"by": NAME})

    assert "Mọi cảnh báo trong thư này đã kết thúc" in said(looked)
    assert "<form" not in looked.text
    assert "Mọi cảnh báo trong thư này đã kết thúc" in said(pressed)


async def test_a_link_that_is_forged_or_over_opens_nothing(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    link = await desk.link() or ""
    ((delivery_id,),) = await desk.rows("SELECT id FROM notifier.delivery WHERE address = :a", a=LEAD)
    now = desk.clock.now()
    over = token_for(delivery_id, now - dt.timedelta(seconds=1), SECRET.encode())
    other = token_for(delivery_id, now + dt.timedelta(days=1), b"x" * 32)
    unknown = token_for("d1", now + dt.timedelta(days=1), SECRET.encode())

    for method in ("GET", "POST"):
        for token, status in ((over, 410), (other, 403), (link.rpartition("/")[2][:-2], 403), (unknown, 404)):
            answer = await desk.client.request(method, f"/ack/{token}", data={"by": NAME} if method == "POST" else None)
            assert answer.status_code == status
            assert "Thụy Hùng" not in answer.text
            assert "<form" not in answer.text
    assert [row[1] for row in await desk.state()] == ["running"]


async def test_a_form_without_a_name_or_too_large_acknowledges_nothing(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    link = await desk.link() or ""

    nobody = await desk.client.post(link, data={"by": " \t "})
    endless = await desk.client.post(link, content=b"by=" + b"a" * 10_000)
    long = await desk.client.post(link, data={"by": "a" * 201})
    broken = await desk.client.post(link, content=b"by=%ff")

    assert [answer.status_code for answer in (nobody, endless, long, broken)] == [422, 413, 422, 422]
    assert "<form" in nobody.text
    assert [row[1] for row in await desk.state()] == ["running"]


async def test_what_a_person_types_is_shown_as_text(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    answer = await desk.client.post(await desk.link() or "", data={"by": "<b onclick=x>Hoa</b>"})

    assert "<b onclick" not in answer.text
    assert "&lt;b onclick=x&gt;Hoa" in answer.text


async def test_the_link_stands_only_in_messages_to_those_who_have_to_act(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    assert await desk.link(LEAD) is not None
    assert await desk.link("ubnd.xa.thuyhung.caoloc@langson.example") is None


async def test_good_news_asks_for_no_acknowledgement(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.link()
    desk.clock.advance(dt.timedelta(minutes=1))
    await desk.tell(a_recovery(2))

    assert await desk.link() is None
    assert await desk.rows("SELECT count(*) FROM notifier.delivery WHERE address = :a", a=LEAD) == [(2,)]


async def test_without_a_secret_there_are_no_links_and_every_one_is_refused(desk: Desk) -> None:
    plain = Desk(desk.engine, desk.outbox, link_secret="")
    await plain.tell(a_breach(1))
    token = token_for("d1", desk.clock.now() + dt.timedelta(days=1), SECRET.encode())

    async with plain.client:
        answer = await plain.client.get(f"/ack/{token}")

    assert await plain.link() is None
    assert answer.status_code == 403


async def test_an_acknowledged_alert_is_neither_reminded_of_nor_escalated_until_the_acknowledgement_lapses(
    desk: Desk,
) -> None:
    await desk.tell(a_breach(1))
    ((before,),) = await desk.rows("SELECT next_at FROM notifier.course")

    await desk.client.post(await desk.link() or "", data={"by": NAME})

    ((after, until),) = await desk.rows("SELECT next_at, acknowledged_until FROM notifier.course")
    assert after == until > before


async def test_an_alert_without_any_deadline_can_be_acknowledged(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    async with desk.engine.begin() as connection:
        await connection.execute(text("DELETE FROM notifier.course"))

    await desk.client.post(await desk.link() or "", data={"by": NAME})

    assert [row[1:] for row in await desk.state()] == [("acknowledged", NAME)]
    await desk.tell(a_recovery(2))
    assert [row[1] for row in await desk.state()] == ["ended"]
