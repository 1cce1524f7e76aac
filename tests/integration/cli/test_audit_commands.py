"""`datchuan audit` and `datchuan report`: what officials and inspectors see, and what the exit status says."""

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from services.notifier.adapters.audit_chain import SqlAuditChain
from services.notifier.adapters.course_store import SqlCourses
from services.notifier.adapters.releasing import release
from services.notifier.adapters.silence_store import SqlSilences
from services.notifier.domain.delivery import Sent
from services.notifier.domain.ledger import HeldFor
from services.notifier.domain.silence_requests import WantedSilence
from services.notifier.domain.silences import Silence
from services.notifier.handlers.timekeeping import Timekeeper
from shared.catalog.load import SHIPPED, load_catalog
from shared.contracts.vocabulary import Channel
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread
from shared.testing.verdicts import MORNING, a_breach, a_recovery
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

NOW = MORNING + dt.timedelta(hours=1)
ONE_DAY = dt.timedelta(days=1)
ALERT = "06208:xa_ntm/15.1:female:1"
T = TypeVar("T")


class Shell:
    """Runs commands on one database."""

    def __init__(self, database_url: str, data: Path) -> None:
        self.url = database_url
        self._environment = {"DATCHUAN_DATABASE_URL": database_url, "DATCHUAN_DATA": str(data), "COLUMNS": "200"}

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self._environment)

    def do(self, work: Callable[[AsyncEngine], Coroutine[Any, Any, T]]) -> T:
        """Do something on the database."""

        async def run() -> T:
            engine = create_database(SecretStr(self.url), "test")
            try:
                return await work(engine)
            finally:
                await engine.dispose()

        return run_in_thread(run())


async def tell_and_seal(engine: AsyncEngine) -> None:
    """A breach is told, one mail is sent, the breach is over; all of it is sealed in two blocks, then told on."""
    office = Office(engine)
    await office.tell(a_breach())
    await office.group()
    for delivery in await office.outbox.take(Channel.MAIL, 10):
        await office.outbox.settle(delivery, Sent(f"250 kept for {delivery.address}"))
    await SqlAuditChain(engine).seal()
    await office.tell(a_recovery())
    await SqlAuditChain(engine).seal()
    await office.tell(a_breach(3, unit="06211"))
    await SqlAuditChain(engine).seal()


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    shell = Shell(database_url, tmp_path / "data")
    shell.do(tell_and_seal)
    return shell


def test_the_story_says_who_was_told_what_by_which_clause_and_rule_and_what_the_server_answered(shell: Shell) -> None:
    result = shell.run("audit", ALERT)

    assert result.exit_code == 0, result.output
    for words in (
        "Xã Thụy Hùng: chỉ tiêu 15.1",
        "PHÁT SINH: MỞ CẢNH BÁO",
        "Bảo hiểm xã hội huyện (chủ trì, theo mục 5",
        "R318 / test",
        "số liệu: 1.149/1.292; ngưỡng: 90",
        "250 kept for bhxh.caoloc@langson.example",
        "KẾT THÚC: ĐÃ KHẮC PHỤC",
        "khối 1]",
        "khối 2]",
        "quy định của địa phương",
    ):
        assert words in result.output, words
    assert result.output.index("PHÁT SINH") < result.output.index("250 kept") < result.output.index("KẾT THÚC")


def test_the_story_tells_of_acknowledgements_reminders_and_silences_with_who_and_why(shell: Shell) -> None:
    async def live(engine: AsyncEngine) -> None:
        office = Office(engine, load_catalog(SHIPPED))
        alert = "06214:xa_ntm/15.1:female:1"
        await office.tell(a_breach(4, unit="06214"))
        place = "06214"
        held = Silence("s1", "Bà Nông Thị B", "đang đối chiếu danh sách", NOW, NOW + ONE_DAY, frozenset({place}))
        silence = WantedSilence(held, (place,))
        await SqlSilences(engine, office.catalog, office.clock).add([silence])
        courses = SqlCourses(engine, office.planner.calendar)
        office.clock.advance(9 * ONE_DAY)
        timekeeper = Timekeeper(courses, office.planner, office.metrics, office.clock)
        await timekeeper.fire_due()
        await courses.acknowledge([alert], "Ông Hoàng Văn C", "cli", office.clock.now())
        await courses.unacknowledge([alert], "Bà Lý Thị D", "link", office.clock.now())
        await release(engine, held_for=tuple(HeldFor), by="Ông Trần Văn E")

    shell.do(live)

    result = shell.run("audit", "06214:xa_ntm/15.1:female:1")

    for words in (
        "TẠM NGƯNG GỬI TIN",
        "Bà Nông Thị B",
        "đang đối chiếu danh sách",
        "NHẮC VIỆC",
        "BÁO CÁO CẤP TRÊN",
        "  XÁC NHẬN ĐÃ TIẾP NHẬN",
        "Ông Hoàng Văn C",
        "bằng: dòng lệnh",
        "RÚT LẠI XÁC NHẬN ĐÃ TIẾP NHẬN",
        "Bà Lý Thị D",
        "bằng: liên kết trong thư",
        "địa bàn: Xã ",
        "GỬI TIN ĐÃ GIỮ LẠI",
        "trước đó: đang tạm ngưng gửi tin",
        "KHÔNG GỬI NỮA",
        "lý do: đã có xác nhận tiếp nhận",
        "không gửi (nhắc việc) Bảo hiểm xã hội huyện",
        "không gửi (báo cáo cấp trên) Văn phòng HĐND và UBND huyện",
    ):
        assert words in result.output, result.output
    assert result.output.count("  XÁC NHẬN ĐÃ TIẾP NHẬN") == 1
    reminded = result.output.partition("NHẮC VIỆC")[2]
    assert "báo cho Bảo hiểm xã hội huyện" in reminded.partition("BÁO CÁO CẤP TRÊN")[0]


def test_an_unknown_alert_is_told_with_its_remedy(shell: Shell) -> None:
    result = shell.run("audit", "nobody:1")

    assert result.exit_code == 1
    assert "there is no alert 'nobody:1'" in result.stderr


def test_an_untouched_audit_is_verified_and_its_newest_hash_is_known(shell: Shell) -> None:
    head = json.loads(shell.run("audit", "--head", "--json").stdout)["hash"]

    result = shell.run("audit", "--verify", "--known", head)

    assert result.exit_code == 0
    assert head in result.output


def test_a_line_that_was_changed_behind_the_triggers_is_named_with_exit_status_1(shell: Shell) -> None:
    async def forge(engine: AsyncEngine) -> int:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            changed = (
                "UPDATE notifier.audit SET details = replace(details, '250', '550') WHERE kind = 'sent' RETURNING id"
            )
            return int(min((await connection.execute(text(changed))).scalars()))

    first = shell.do(forge)

    result = shell.run("audit", "--verify")

    assert result.exit_code == 1
    assert f"Khối 1: dòng đã bị sửa – dòng {first}." in result.output


def test_a_dossier_can_be_checked_with_nothing_but_sha256(shell: Shell, tmp_path: Path) -> None:
    """As its note says: digests of the lines, the blocks that hold them, and the links to the hash kept elsewhere."""
    head = json.loads(shell.run("audit", "--head", "--json").stdout)["hash"]
    path = tmp_path / "ho-so.json"

    assert shell.run("audit", ALERT, "--export", str(path)).exit_code == 0

    document = json.loads(path.read_text(encoding="utf-8"))
    digests = {block["number"]: block["digests"] for block in document["blocks"]}
    for line in document["lines"]:
        own = digests[line["block"]][line["place"] * 64 : line["place"] * 64 + 64]
        assert own == hashlib.sha256(line["text"].encode()).hexdigest()
    previous = None
    for link in document["links"]:
        values = json.loads(link["head"])
        assert hashlib.sha256(link["head"].encode()).hexdigest() == link["hash"]
        assert previous in (None, values[8])
        if link["number"] in digests:
            assert values[9] == hashlib.sha256(bytes.fromhex(digests[link["number"]])).hexdigest()
        previous = link["hash"]
    assert (previous, len(document["links"]), sorted(digests)) == (head, 3, [1, 2])
    assert {clause["section"] for clause in document["clauses"]} >= {"mục 5"}
    assert document["alert"]["evidence"]["cells"]


def test_a_dossier_as_zip_holds_the_story_the_mails_as_sent_and_how_to_check_it(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "ho-so.zip"

    assert shell.run("audit", ALERT, "--export", str(path)).exit_code == 0

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        mails = [archive.read(name).decode() for name in names if name.startswith("thu/") and name.endswith(".txt")]
        story, note = archive.read("dien-bien.txt").decode(), archive.read("cach-kiem-tra.txt").decode()
    assert "ho-so.json" in names
    assert "250 kept" in story
    assert "SHA-256" in note
    assert len(mails) == 3
    assert all("Xã Thụy Hùng" in mail and "Message-ID: <" in mail for mail in mails)


def test_the_report_of_any_week_is_made_without_sending_it(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "tuan.xlsx"

    result = shell.run("report", "make", "--period", "week", "--of", "2024-10-14", "--out", str(path))

    assert result.exit_code == 0, result.output
    assert "Phát sinh trong kỳ: 2" in result.output
    assert "Đã khắc phục trong kỳ: 1" in result.output
    names = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes())).sheet_names
    assert names == ["Tổng hợp", "Đang mở", "Phát sinh và khắc phục", "Diễn biến", "Nguồn"]
    assert json.loads(shell.run("report", "list", "--json").stdout) == []


def test_a_report_of_no_dispatch_in_force_is_refused_with_the_choice(shell: Shell) -> None:
    result = shell.run("report", "make", "--of", "2030-01-01")

    assert result.exit_code == 2
    assert "--dispatch" in result.stderr


def test_commands_say_what_is_missing(shell: Shell) -> None:
    assert shell.run("audit").exit_code == 2
    assert shell.run("audit", ALERT, "--export", "x.doc").exit_code == 2
    assert shell.run("audit", ALERT, "--known", "0").exit_code == 2
    assert shell.run("audit", "--verify", "--export", "x.zip").exit_code == 2
    assert shell.run("report", "show", "report:none").exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ("audit", ALERT, "--export", "no/a.zip"),
        ("audit", ALERT, "--export", "no/a.json"),
        ("report", "make", "--of", "2024-10-14", "--out", "no/a.xlsx"),
        ("notify", "preview", "--commune", "06208", "--chi-tieu", "15.1", "--at", "2024-10-15", "--out", "no/a.txt"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_with_its_remedy(shell: Shell, command: tuple[str, ...]) -> None:
    result = shell.run(*command)

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "Give a file in a folder that is there" in result.stderr


def test_a_recalled_number_is_nowhere_said_to_be_verified_alone(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "tuan.xlsx"
    shell.run("report", "make", "--period", "week", "--of", "2024-10-14", "--out", str(path))
    sources = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes())).get_sheet_by_name("Nguồn").to_python()

    story = shell.run("audit", ALERT).stdout

    for text_ in (story, str(sources[1][4])):
        assert "số hiệu chỉ tiêu: nhớ lại" in text_
        assert "ngưỡng theo vùng: nhớ lại" in text_


def test_the_story_says_what_was_routed_and_has_not_left(shell: Shell) -> None:
    waiting = shell.run("audit", "06211:xa_ntm/15.1:female:1").stdout

    async def forget(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE notifier.ledger SET status = 'superseded' WHERE status = 'waiting'"))

    shell.do(forget)
    superseded = shell.run("audit", "06211:xa_ntm/15.1:female:1").stdout

    assert "phát sinh: Bảo hiểm xã hội huyện (chủ trì) – bhxh.caoloc@langson.example: chờ gửi" in waiting
    assert "bhxh.caoloc@langson.example: không gửi, đã có diễn biến mới hơn" in superseded


def test_a_dossier_holds_no_link_that_somebody_could_acknowledge_with(shell: Shell, tmp_path: Path) -> None:
    async def link(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE notifier.delivery SET body = body || :url, html = html || :url"),
                {"url": " https://datchuan.example/x/ack/MTczMTU6YWJj.c2Vh-bA_ "},
            )

    shell.do(link)
    path = tmp_path / "ho-so.json"

    shell.run("audit", ALERT, "--export", str(path))

    written = path.read_text(encoding="utf-8")
    assert "/x/ack/…" in written
    assert "MTczMTU6YWJj" not in written
