"""The fault suite in short: everything is killed in mid-stream and nothing is lost; and what is wrong would be seen."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.chaos.avalanche import SCENARIO
from tests.chaos.checks import Findings, check, come_to_rest
from tests.chaos.suite import SCENARIOS, Played, Result
from tests.chaos.world import World, open_world

ROOT = Path(__file__).resolve().parents[2]
DAMAGE = (
    "DELETE FROM ingest.journal WHERE event_id = (SELECT min(event_id) FROM ingest.journal)",
    """UPDATE evaluator.fact_page SET reports = replace(reports, '"event_id":"', '"event_id":"other-')
        WHERE unit = '06208'""",
    "UPDATE evaluator.verdict SET status = 'not_applicable' WHERE node = 'xa_ntm/15.1' AND unit = '06208'",
    "DELETE FROM evaluator.transition WHERE node = 'xa_ntm/15.1' AND unit = '06208'",
    "DELETE FROM notifier.ledger WHERE alert_id = (SELECT min(id) FROM notifier.alert WHERE opened_as = 'breach')",
    "UPDATE notifier.delivery SET message_id = 'x' WHERE id = (SELECT id FROM notifier.delivery ORDER BY id LIMIT 1)",
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The whole stack with a sender that posts and a mail server that takes what it gets."""
    async with open_world(tmp_path, None, "not needed", lambda _line: None) as opened:
        yield opened


async def test_nothing_is_lost_when_everything_is_killed_in_mid_stream(world: World) -> None:
    await SCENARIO.strike(world)
    await come_to_rest(world)
    found = await check(world)

    assert found.as_json() == found.as_json() | {"lost": 0, "wrong_facts": 0, "wrong_verdicts": 0, "broken_chains": 0}
    assert found.is_right, found
    assert found.events > 400
    assert found.alerts_sent > 100
    assert world.sender.wrong_answers == {}

    await world.stack.supervisor.stop()  # or the evaluator would write over the damage
    async with world.engine.begin() as connection:
        for statement in DAMAGE:
            assert (await connection.execute(text(statement))).rowcount > 0, statement
    damaged = await check(world)

    assert damaged.lost == 1
    assert damaged.wrong_facts >= 2
    assert damaged.wrong_verdicts >= 1
    assert damaged.broken_chains >= 1
    assert damaged.alerts_issued > damaged.alerts_sent
    assert damaged.mails_unknown_to_ledger == 1
    assert not damaged.is_right


def test_the_line_is_right_only_if_every_number_is_and_every_fault_has_struck() -> None:
    good = Played("a", ok=True, seconds=1, detail={})
    bad = Played("b", ok=False, seconds=1, detail={"error": "it did not strike"})

    def result(findings: Findings | None, *played: Played, error: str = "") -> bool:
        return Result(findings, played, {}, 1, error).is_right

    assert result(Findings(alerts_issued=3, alerts_sent=3), good)
    assert not result(Findings(), good, bad)
    assert not result(None, good)
    assert not result(Findings(), good, error="no stack")
    assert not result(Findings(lost=1), good)
    assert not result(Findings(wrong_facts=1), good)
    assert not result(Findings(wrong_verdicts=1), good)
    assert not result(Findings(broken_chains=1), good)
    assert not result(Findings(alerts_duplicated_in_ledger=1), good)
    assert not result(Findings(mails_unknown_to_ledger=1), good)
    assert not result(Findings(alerts_issued=3, alerts_sent=2), good)


def test_every_scenario_has_a_name_of_its_own_and_stands_in_the_documentation() -> None:
    page = (ROOT / "docs/chaos.md").read_text(encoding="utf-8")
    names = [scenario.name for scenario in SCENARIOS]

    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}`" not in page] == []


def test_a_name_that_is_no_scenario_is_refused_with_the_names_that_are() -> None:
    command = [sys.executable, "-m", "tests.chaos", "no-such"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=False)

    assert done.returncode != 0
    assert done.stdout == ""
    assert "avalanche" in done.stderr


def test_the_line_is_json_with_the_numbers_that_count() -> None:
    line = json.loads(json.dumps(Result(Findings(events=7), (), {"202": 1}, 1).as_json()))

    assert {"events", "lost", "wrong_facts", "wrong_verdicts", "broken_chains", "scenarios"} <= line.keys()
    assert {"alerts_issued", "alerts_sent", "alerts_duplicated_in_ledger"} <= line.keys()
