"""`datchuan notify release` and the notifier's part of `datchuan status`, on a database with news for a digest."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.catalog.load import load_catalog
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread
from shared.testing.verdicts import MORNING, a_breach
from tests.integration.notifier.office import Office

pytestmark = pytest.mark.integration

OFFICE = "vanphong.caoloc@langson.example"


async def one_breach(url: str) -> None:
    engine = create_database(SecretStr(url), "test")
    await Office(engine, load_catalog()).tell(a_breach())
    await engine.dispose()


class Shell:
    """Runs commands on a database, on the day of the alert."""

    def __init__(self, url: str, data: Path) -> None:
        offset = (MORNING.date() - SystemClock().today()).days
        self._environment = {
            "DATCHUAN_DATABASE_URL": url,
            "DATCHUAN_DATA": str(data),
            "DATCHUAN_CLOCK_OFFSET_DAYS": str(offset),
            "COLUMNS": "200",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self._environment)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    run_in_thread(one_breach(database_url))
    return Shell(database_url, tmp_path)


def test_a_release_tells_how_many_entries_for_how_many_addresses(shell: Shell) -> None:
    nobody = shell.run("notify", "release", "bhxh.caoloc@langson.example")
    done = shell.run("notify", "release", OFFICE, "--held-for", "digest", "--by", "Ông Bình", "--json")

    assert nobody.output == "released 0 notification(s) for 0 address(es)\n"
    assert json.loads(done.stdout) == {
        "address": OFFICE,
        "held_for": ["digest"],
        "entries": 1,
        "addresses": 1,
        "still_held": {},
    }


def test_what_stays_held_is_named_with_the_way_to_release_it(shell: Shell) -> None:
    told = shell.run("notify", "release", "--all", "--held-for", "flapping")

    assert told.exit_code == 0
    assert "released 0 notification(s)" in told.output
    assert "still held: 1 for digest" in told.output


@pytest.mark.parametrize(
    "arguments", [(), (OFFICE, "--all"), ("--all", "--by", " "), ("--all", "--held-for", "nothing")]
)
def test_a_release_that_is_not_clear_is_a_usage_error(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run("notify", "release", *arguments).exit_code == 2
    assert "still held: 1" in shell.run("notify", "release", "--all", "--held-for", "flapping").output


def test_the_status_shows_what_is_held_open_and_due(shell: Shell) -> None:
    found = json.loads(shell.run("status", "--json").stdout)["notifier"]

    assert found["alerts_open"] == {"breach": 1, "data_gap": 0, "at_risk": 0}
    assert found["entries_held"] == {"digest": 1, "quiet_hours": 0, "silence": 0, "flapping": 0}
    assert found["courses"] == {"running": 1, "acknowledged": 0, "escalated": 0, "stalled": 0}
    assert found["silences"] == {"active": 0, "next_end": None}
    assert found["audit_block"] is None
    assert [report["period"] for report in found["next_reports"]] == ["day", "week", "month", "quarter"]
