"""`datchuan alerts` and `datchuan silence` on a database with two open alerts."""

import datetime as dt
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread
from shared.testing.verdicts import a_breach
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

DAY = dt.date(2024, 10, 15)
HERE, ELSEWHERE = "06208", "06211"
FEMALE = f"{HERE}:xa_ntm/15.1:female:1"
NAME = "Nguyễn Thị Hoà"
GOOD = {"author": "Bà Hoa", "reason": "Đối chiếu số liệu", "ends_at": "2024-10-20T17:00", "units": [HERE]}


async def two_alerts(url: str) -> None:
    engine = create_database(SecretStr(url), "test")
    await Office(engine).tell(a_breach(1), a_breach(2, unit=ELSEWHERE))
    await engine.dispose()


async def rows_of(url: str, statement: str) -> list[Sequence[Any]]:
    engine = create_database(SecretStr(url), "test")
    try:
        async with engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]
    finally:
        await engine.dispose()


class Shell:
    """Runs commands on a database, on the day of the alerts."""

    def __init__(self, url: str, folder: Path, offset_days: int) -> None:
        self.url = url
        self.folder = folder
        self._environment = {
            "DATCHUAN_DATABASE_URL": url,
            "DATCHUAN_DATA": str(folder),
            "DATCHUAN_CLOCK_OFFSET_DAYS": str(offset_days),
            "COLUMNS": "200",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self._environment)

    def document(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def add(self, *arguments: str) -> Result:
        return self.run("silence", "add", "--author", "Bà Hoa", "--reason", "Đối chiếu", *arguments)

    def imported(self, name: str, content: str | bytes, *options: str) -> Result:
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.run("silence", "import", str(file), *options)

    def silences(self) -> list[Any]:
        found: list[Any] = self.document("silence", "list")["silences"]
        return found

    def rows(self, statement: str) -> list[Sequence[Any]]:
        return run_in_thread(rows_of(self.url, statement))


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    run_in_thread(two_alerts(database_url))
    return Shell(database_url, tmp_path, (DAY - SystemClock().today()).days)


def test_alerts_are_listed_and_filtered(shell: Shell) -> None:
    """AM TestAmtoolQueryAlert."""
    everything = shell.document("alerts", "list")
    named = shell.document("alerts", "list", "--unit", unicodedata.normalize("NFD", "Xã Thụy Hùng"))
    shown = shell.run("alerts", "list", "--unit", "183")

    assert [alert["unit"]["code"] for alert in everything["alerts"]] == [HERE, ELSEWHERE]
    assert [alert["id"] for alert in named["alerts"]] == [FEMALE]
    assert "Xã Thụy Hùng" in shown.stdout
    assert "2024-10-15 09:31" in shown.stdout
    assert shell.run("alerts", "list", "--unit", "Xã Không Có").exit_code == 2


def test_a_long_list_is_read_on_from_its_last_line(shell: Shell) -> None:
    first = shell.document("alerts", "list", "--limit", "1")
    second = shell.document("alerts", "list", "--limit", "1", "--after", first["next_after"])

    assert first["alerts"] + second["alerts"] == shell.document("alerts", "list")["alerts"]
    assert second["next_after"] is None


def test_whoever_confirms_an_acknowledgement_is_told_whose_it_is(shell: Shell) -> None:
    shell.run("alerts", "acknowledge", FEMALE, "--by", NAME)

    again = shell.run("alerts", "acknowledge", FEMALE, "--by", "Trần Văn D")
    shown = shell.run("alerts", "show", FEMALE).stdout

    assert f"is acknowledged by {NAME} since" in again.stdout
    assert "Trần Văn D" not in shown
    assert [actor for (actor,) in shell.rows("SELECT actor FROM notifier.audit WHERE kind = 'acknowledged'")] == [
        NAME,
        "Trần Văn D",
    ]


def test_an_alert_is_acknowledged_and_that_is_taken_back(shell: Shell) -> None:
    done = shell.document("alerts", "acknowledge", FEMALE, "--by", NAME, "--note", "đã giao")
    shown = shell.run("alerts", "show", FEMALE)
    back = shell.document("alerts", "unacknowledge", FEMALE, "--by", "Ông Bình")

    assert (done["state"], done["acknowledged"]["by"]) == ("acknowledged", NAME)
    assert NAME in shown.stdout
    assert "Bảo hiểm xã hội huyện" in shown.stdout
    assert (back["state"], back["acknowledged"]) == ("open", None)
    lines = shell.rows("SELECT kind, actor, details FROM notifier.audit WHERE kind LIKE 'acknowledge%' ORDER BY id")
    assert [(kind, actor) for kind, actor, _ in lines] == [
        ("acknowledged", NAME),
        ("acknowledgement_withdrawn", "Ông Bình"),
    ]
    assert (json.loads(lines[0][2])["via"], json.loads(lines[0][2])["note"]) == ("cli", "đã giao")


def test_what_is_not_there_is_told_with_a_remedy(shell: Shell) -> None:
    for arguments in (
        ("alerts", "show", "none"),
        ("alerts", "acknowledge", "none", "--by", NAME),
        ("alerts", "unacknowledge", FEMALE, "--by", NAME),
        ("silence", "end", "none", "--by", NAME),
    ):
        result = shell.run(*arguments)
        assert result.exit_code == 1
        assert "See `datchuan" in result.stderr


def test_a_silence_is_added_listed_and_ended(shell: Shell) -> None:
    """AM TestAmtoolAddAlert, TestAmtoolQuerySilence."""
    assert shell.add("--unit", "Huyện Cao Lộc", "--node", "xa_ntm/15.1", "--for", "2d").exit_code == 0
    (silence,) = shell.silences()
    silenced = shell.document("alerts", "list", "--state", "silenced")["alerts"]
    table = shell.run("silence", "list").stdout

    assert (silence["author"], silence["nodes"], silence["units"][0]["code"]) == ("Bà Hoa", ["xa_ntm/15.1"], "183")
    assert [alert["unit"]["code"] for alert in silenced] == [HERE, ELSEWHERE]
    assert "Huyện Cao Lộc (183)" in table
    assert shell.run("silence", "end", silence["id"], "--by", "Ông Bình", "--reason", "Xong").exit_code == 0
    assert shell.silences() == []
    (ended,) = shell.document("silence", "list", "--ended")["silences"]
    assert (ended["state"], ended["ended_by"], ended["end_reason"]) == ("ended", "Ông Bình", "Xong")


def test_a_silence_needs_an_end_and_something_to_silence(shell: Shell) -> None:
    """AM TestAddSilence."""
    for arguments, said in (
        (("--unit", HERE), "Give --until or --for"),
        (("--unit", HERE, "--until", "2024-10-20", "--for", "1d"), "Give --until or --for"),
        (("--unit", HERE, "--for", "soon"), "12h or 3d"),
        (("--for", "1d"), "all: true"),
        (("--unit", HERE, "--for", "91d"), "DATCHUAN_SILENCE_MAX_DAYS"),
        (("--unit", "99999", "--for", "1d"), "06208"),
    ):
        result = shell.add(*arguments)
        assert result.exit_code == 2, result.output
        assert said in result.stderr
    assert shell.add("--all", "--for", "12h").exit_code == 0


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_file_of_silences_is_taken(shell: Shell, form: Any) -> None:
    """AM TestAmtoolSilenceImport."""
    yaml = """
    - author: Bà Hoa
      reason: Đối chiếu số liệu
      ends_at: 2024-10-20 17:00:00
      units: [Xã Thụy Hùng]
    - {author: Ông Bình, reason: Tập huấn, ends_at: 2024-10-21, responsible_units: [bhxh]}
    """
    result = shell.imported("silences.yaml", unicodedata.normalize(form, yaml))

    assert result.exit_code == 0, result.output
    assert "2 silence(s) imported, 0 refused" in result.stdout
    found = {silence["author"]: silence["ends_at"] for silence in shell.silences()}
    assert found == {"Bà Hoa": "2024-10-20T10:00:00+00:00", "Ông Bình": "2024-10-20T17:00:00+00:00"}


def test_a_file_that_is_no_json_is_refused_with_the_place(shell: Shell) -> None:
    """AM TestAmtoolSilenceImportInvalidJSON."""
    for content, said in (
        ('[{"author": "a",}]', "byte"),
        ("- author: [", "line"),
        (b"\xff\xfe", "UTF-8"),
        ("{}", "list of silences"),
        ("[]", "list of silences"),
        ("just words", "list of silences"),
    ):
        result = shell.imported("silences.json", content)
        assert result.exit_code == 1
        assert said in result.stderr
    assert shell.run("silence", "import", str(shell.folder / "none.json")).exit_code == 2
    assert shell.silences() == []


def test_a_record_that_is_wrong_is_named_with_its_place_and_remedy(shell: Shell) -> None:
    """AM TestAmtoolSilenceImportInvalidSilence."""
    result = shell.imported("one.json", json.dumps([GOOD | {"units": ["Xã Không Có"], "reason": ""}]))

    assert result.exit_code == 1
    assert "0 silence(s) imported, 1 refused" in result.stdout
    assert "record 1, reason: is required." in result.stderr
    assert "record 1, units 'Xã Không Có'" in result.stderr
    assert "Give a code such as 06208" in result.stderr


def test_of_a_file_the_good_records_are_taken_or_none_with_atomic(shell: Shell) -> None:
    """AM TestAmtoolSilenceImportPartialFailure."""
    records = json.dumps({"silences": [GOOD, "no record", GOOD | {"ends_at": None}, GOOD | {"units": [ELSEWHERE]}]})

    none = shell.imported("some.json", records, "--atomic", "--json")
    some = shell.imported("some.json", records, "--json")

    assert (none.exit_code, some.exit_code) == (1, 1)
    assert json.loads(none.stdout)["imported"] == []
    document = json.loads(some.stdout)
    assert (len(document["imported"]), document["refused"]) == (2, 2)
    assert [(error["record"], error["field"]) for error in document["errors"]] == [(2, ""), (3, "ends_at")]
    assert sorted(silence["units"][0]["code"] for silence in shell.silences()) == [HERE, ELSEWHERE]
