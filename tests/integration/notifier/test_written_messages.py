"""What a message says of deadlines and dossiers comes from the tables, as text and as HTML."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from services.notifier.adapters.alert_store import SqlAlertStore
from services.notifier.adapters.material_store import read_material
from services.notifier.adapters.outbox import SqlOutbox
from services.notifier.adapters.renderer import TemplateRenderer
from services.notifier.domain.course import CourseState
from services.notifier.domain.material import Material
from services.notifier.domain.planning import Planner
from services.notifier.domain.policy import Windows
from services.notifier.domain.ports import Pace
from services.notifier.domain.retry import Backoff
from services.notifier.domain.specimens import Wish, entries_of
from services.notifier.handlers.drafting import Drafter
from services.notifier.handlers.gathering import Grouper
from services.notifier.handlers.keeping import AlertKeeper
from services.notifier.metrics import NotifierMetrics
from shared.catalog.catalog import Catalog
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Channel, NoticeKind, Role, VerdictStatus
from shared.runtime import mailbox
from shared.runtime.database import create_database
from shared.testing.clocks import ManualClock
from shared.testing.notifying import Notifiers
from shared.testing.verdicts import MORNING, a_batch, a_breach

pytestmark = pytest.mark.integration

ALERT = "06208:xa_ntm/15.1:female:1"
BHXH = "bhxh.caoloc@langson.example"
_ACKNOWLEDGED = """
UPDATE notifier.course SET state = 'acknowledged', acknowledged_at = '2024-10-16 02:30+00', acknowledged_by = 'Lan'
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


@pytest.fixture
async def engine(database_url: str, catalog: Catalog) -> AsyncIterator[AsyncEngine]:
    """A database in which one breach was told."""
    engine = create_database(SecretStr(database_url), "test")
    batch = a_batch("m1", a_breach())
    async with engine.begin() as connection:
        await mailbox.put(connection, Notifiers.copies(batch))
    planner, metrics = Planner(catalog, Windows(0, 0)), NotifierMetrics(CollectorRegistry())
    keeper = AlertKeeper(SqlAlertStore(engine), planner, metrics, ManualClock(MORNING))
    await keeper.on_verdict_changed([batch])
    yield engine
    await engine.dispose()


async def material(engine: AsyncEngine, catalog: Catalog, notice: NoticeKind, alert: str | None) -> Material:
    rule = catalog.rule_for("xa_ntm/15.1", MORNING.date())
    assert rule is not None
    wish = Wish(catalog.unit_by_id["06208"], rule, "female", Role.CONSOLIDATING, notice)
    entries = [replace(entry, address=BHXH) for entry in entries_of(catalog, wish, alert, "x", MORNING)]
    async with engine.connect() as connection:
        return await read_material(connection, entries)


async def test_a_stored_message_has_its_deadlines_and_an_html_form(engine: AsyncEngine, catalog: Catalog) -> None:
    outbox = SqlOutbox(engine, "a", 60, Backoff(first_seconds=0.001, attempts=3))
    drafter = Drafter(
        catalog, TemplateRenderer(), ManualClock(MORNING), message_domain="langson.example", detailed_items=20
    )
    await Grouper(outbox, drafter, Pace(window_seconds=5), items_per_message=100).group_due()

    taken = {delivery.address: delivery for delivery in await outbox.take(Channel.MAIL, 10)}

    for body in (taken[BHXH].body, taken[BHXH].html):
        assert "hạn có kết quả: 17:00 ngày 22/10/2024; quá hạn sẽ báo cáo cấp huyện" in body
        assert "văn bản giao nhiệm vụ không ghi thời hạn" in body
    assert taken[BHXH].html.startswith("<!DOCTYPE html>")


async def test_the_course_of_an_alert_is_read_with_its_acknowledgement(engine: AsyncEngine, catalog: Catalog) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(_ACKNOWLEDGED))

    course = (await material(engine, catalog, NoticeKind.OPENED, ALERT)).courses[ALERT]

    assert (course.state, course.acknowledged_by) == (CourseState.ACKNOWLEDGED, "Lan")
    assert course.steps[0].kind is NoticeKind.REMINDER


async def test_the_verdicts_of_a_commune_are_read_for_its_dossier_alone(engine: AsyncEngine, catalog: Catalog) -> None:
    of_dossier = await material(engine, catalog, NoticeKind.DOSSIER, None)
    of_alert = await material(engine, catalog, NoticeKind.OPENED, ALERT)

    assert [(mark.node, mark.status) for mark in of_dossier.marks["06208"]] == [("xa_ntm/15.1", VerdictStatus.NOT_MET)]
    assert of_alert.marks == {}


async def preview(database_url: str, *arguments: str) -> Result:
    asked = ["notify", "preview", "--at", "2024-10-25", *arguments]
    return await asyncio.to_thread(CliRunner().invoke, app, asked, env={"DATCHUAN_DATABASE_URL": database_url})


@pytest.mark.usefixtures("engine")
async def test_a_stored_alert_is_previewed_with_its_own_numbers(database_url: str) -> None:
    result = await preview(database_url, "--alert", ALERT, "--notice", "reminder")

    assert result.exit_code == 0, result.output
    assert "*** BẢN XEM TRƯỚC, KHÔNG GỬI ***" in result.stdout
    assert "nhắc lần 1 – vẫn chưa đạt từ 15/10/2024" in result.stdout
    assert "nam: 1.200/1.250 = 96,00 % – đạt" in result.stdout


async def test_an_alert_that_is_not_there_is_said_to_be_missing(database_url: str) -> None:
    result = await preview(database_url, "--alert", "none")

    assert result.exit_code == 1
    assert "there is no alert 'none'" in result.output
