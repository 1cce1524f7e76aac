"""The beginning of an appraisal, from the calendar to the mail with the state of every chỉ tiêu; and one thread."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.report_store import SqlReportStore
from services.notifier.adapters.workbook import workbook_of
from services.notifier.domain.delivery import Sent
from services.notifier.handlers.reporting import ReportKeeper, ReportMaker
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.catalog.policies import CommunePhase, Policies
from shared.contracts.vocabulary import Channel, Phase
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

BHXH = "bhxh.caoloc@langson.example"
EIGHT = dt.datetime(2024, 10, 16, 1, 0, tzinfo=dt.UTC)


def appraised() -> Catalog:
    shipped = load_catalog(SHIPPED)
    phase = CommunePhase(
        unit="06208", standard="xa_ntm", phase=Phase.APPRAISAL, effective_from=EIGHT.date(), source="Thông báo 12"
    )
    policies = Policies(roles=shipped.policies.roles, phases=(phase,))
    return Catalog(**{name: getattr(shipped, name) for name in Catalog.model_fields} | {"policies": policies})


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_database(SecretStr(database_url), "test", pool_size=6)
    yield engine
    await engine.dispose()


async def test_the_units_that_appraise_get_the_state_of_the_commune_once(engine: AsyncEngine) -> None:
    office = Office(engine, appraised(), ManualClock(MORNING))
    await office.tell(a_breach())
    await office.group()
    office.clock.set(EIGHT)
    store = SqlReportStore(engine)
    maker = ReportMaker(store, office.catalog, workbook_of)

    made = [await ReportKeeper(store, maker, office.catalog, office.metrics, office.clock).keep_due() for _ in range(2)]
    await office.group()

    mails = {mail.address: mail for mail in await office.outbox.take(Channel.MAIL, 100) if "thẩm định" in mail.subject}
    assert made == [1, 0]
    assert set(mails) == {
        "vanphong.caoloc@langson.example",
        "kinhtehatang.caoloc@langson.example",
        "nongnghiep.caoloc@langson.example",
    }
    body = mails["kinhtehatang.caoloc@langson.example"].body
    assert "15.1 – Tỷ lệ người dân tham gia bảo hiểm y tế (áp dụng đạt cho cả nam và nữ): chưa đạt" in body
    assert "15.3 – " in body
    assert "thẩm định hồ sơ, đánh giá kết quả chỉ tiêu về An toàn thực phẩm thuộc ngành quản lý" in body


async def test_the_good_news_answers_the_bad_in_one_thread_for_each_addressee(engine: AsyncEngine) -> None:
    office = Office(engine)
    threads: dict[str, list[str]] = {}
    for number, change in enumerate((a_breach(1), a_recovery(2), a_breach(3))):
        await office.tell(change)
        await office.group()
        for mail in await office.outbox.take(Channel.MAIL, 100):
            known = threads.setdefault(mail.address, [])
            # The third change begins another occurrence, and with it another conversation.
            assert list(mail.references) == (known[:1] if number == 1 else [])
            known.append(mail.message_id)
            await office.outbox.settle(mail, Sent("250 kept"))

    assert {address: len(ids) for address, ids in threads.items()} == dict.fromkeys(threads, 3)
    assert BHXH in threads
