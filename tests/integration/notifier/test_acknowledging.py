"""The link in a message: to look at it changes nothing, its button acknowledges once."""

import datetime as dt
import itertools
import re
import unicodedata
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from services.notifier.domain.links import token_for
from shared.testing.verdicts import a_breach, a_cell, a_change, a_recovery
from tests.integration.notifier.link_desk import HERE, LEAD, SECRET, Desk, open_desk, said

pytestmark = pytest.mark.integration

NAME = "Nguyễn Thị Hoà, Phó Giám đốc"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url) as desk:
        yield desk


async def test_looking_at_a_link_changes_nothing_however_often(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    link = await desk.link()
    assert link is not None

    answers = [await desk.client.request(method, link) for method in ("GET", "HEAD", "GET")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    page = said(answers[0])
    assert "Xã Thụy Hùng, huyện Cao Lộc, tỉnh Lạng Sơn: chỉ tiêu 15.1" in page
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


async def test_the_page_says_of_every_alert_its_figures_its_target_its_gap_and_its_local_deadline(desk: Desk) -> None:
    await desk.tell(a_breach(1))

    page = said(await desk.client.get(await desk.link() or ""))

    assert "nữ: 1.149/1.292 = 88,93 % – chưa đạt, còn thiếu 14" in page
    assert "Yêu cầu: ≥ 90 %" in page
    assert "hạn xác nhận đã tiếp nhận: 17:00 ngày 18/10/2024" in page
    assert "quy định của địa phương; văn bản giao nhiệm vụ không ghi thời hạn" in page


async def test_only_the_alerts_that_are_ticked_are_acknowledged_and_the_link_serves_for_the_rest(desk: Desk) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))
    link = await desk.link() or ""
    here, there = (row[0] for row in await desk.state())

    none = await desk.client.post(link, data={"by": NAME, "choice": "1"})
    first = await desk.client.post(link, data={"by": NAME, "choice": "1", "alert": here})
    between = await desk.state()
    looked = await desk.client.get(link)
    again = await desk.client.post(link, data={"by": "Người khác", "choice": "1", "alert": here})
    second = await desk.client.post(link, data={"by": "Trần Văn D", "choice": "1", "alert": there})
    closed = await desk.client.get(link)

    assert none.status_code == 422
    assert "chưa chọn cảnh báo nào" in said(none)
    assert f'value="{NAME}"' in none.text
    assert "checked" not in none.text
    assert "Còn 1 cảnh báo trong thư chưa được xác nhận" in said(first)
    assert between == [(here, "acknowledged", NAME), (there, "running", None)]
    assert f'value="{there}" checked' in looked.text
    assert f'value="{here}"' not in looked.text
    assert f"đã tiếp nhận bởi {NAME} lúc" in said(looked)
    assert "Đã ghi nhận" not in said(again)
    assert "Đã ghi nhận xác nhận" in said(second)
    assert await desk.state() == [(here, "acknowledged", NAME), (there, "acknowledged", "Trần Văn D")]
    assert "Mỗi liên kết chỉ dùng một lần" in said(closed)
    assert "<form" not in closed.text


async def test_what_is_not_listed_is_acknowledged_with_the_last_box_only(desk: Desk) -> None:
    communes = [unit.id for unit in desk.catalog.units if unit.parent == "183"]
    nodes = ("xa_ntm/15.1", "xa_ntm_nang_cao/14.1")
    both = (a_cell("female"), a_cell("male"))
    await desk.tell(
        *(a_change(n, *both, unit=u, node=k) for n, (u, k) in enumerate(itertools.product(communes, nodes), 1))
    )
    link = await desk.link() or ""
    page = await desk.client.get(link)
    ids, rest = (re.findall(f'name="{name}" value="([^"]+)"', page.text) for name in ("alert", "after"))
    told = await desk.rows("SELECT DISTINCT alert_id FROM notifier.ledger WHERE address = :a", a=LEAD)

    listed = await desk.client.post(link, data={"by": NAME, "choice": "1", "alert": ids})
    first = {row[0] for row in await desk.state() if row[1] == "acknowledged"}
    await desk.client.post(link, data={"by": NAME, "choice": "1", "after": rest[0]})

    assert listed.status_code == 200
    assert (len(ids), set(ids)) == (50, first)
    assert f"và {len(told) - 50} cảnh báo khác trong cùng thư" in said(page)
    assert {row[0] for row in await desk.state() if row[1] == "acknowledged"} == {row[0] for row in told}


async def test_what_somebody_else_has_acknowledged_is_marked_and_not_acknowledged_again(desk: Desk) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))
    link = await desk.link() or ""
    here, there = (row[0] for row in await desk.state())
    await desk.acknowledging.acknowledge(here, "Lê Văn C, BHXH")
    desk.clock.advance(dt.timedelta(minutes=1))

    page = await desk.client.get(link)
    done = await desk.client.post(link, data={"by": "Trần Văn D"})

    assert "đã tiếp nhận bởi Lê Văn C, BHXH lúc 10:30 ngày 15/10/2024" in said(page)
    assert f'value="{here}"' not in page.text
    assert "Xã Thụy Hùng" not in said(done)
    assert await desk.state() == [(here, "acknowledged", "Lê Văn C, BHXH"), (there, "acknowledged", "Trần Văn D")]
    lines = await desk.rows("SELECT alert_id, actor FROM notifier.audit WHERE kind = 'acknowledged' ORDER BY id")
    assert lines == [(here, "Lê Văn C, BHXH"), (there, "Trần Văn D")]


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
    assert "chưa có họ tên, chức vụ người xác nhận" in said(nobody)
    assert "dài quá 200 ký tự" in said(long)
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
