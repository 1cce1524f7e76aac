"""`datchuan poll check`: what an operator learns before the first window."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from services.ingest.adapters.polling.polls import load_polls
from tests.integration.ingest.dhis2_server import PASSWORD, Dhis2, running
from tests.integration.ingest.polling_world import PollWorld, process, write_polls

pytestmark = pytest.mark.integration
Check = Callable[..., Any]


@pytest.fixture
async def dhis2() -> AsyncIterator[Dhis2]:
    async with running(Dhis2()) as instance:
        yield instance


@pytest.fixture
def check(database_url: str, dhis2: Dhis2, tmp_path: Path) -> Check:
    """Runs the command in a thread: the instance answers on the test's own loop."""

    def run(*arguments: str, **fields: Any) -> Result:
        known = {"org_units": ["06208"], "source": "hmis"} | fields
        environment = {
            "DATCHUAN_DATABASE_URL": database_url,
            "DATCHUAN_DATA": str(tmp_path),
            "DATCHUAN_POLLS": str(write_polls(tmp_path, dhis2.url, **known)),
        }
        return CliRunner().invoke(app, ["poll", "check", *arguments], env=environment)

    async def in_thread(*arguments: str, **fields: Any) -> Result:
        return await asyncio.to_thread(run, *arguments, **fields)

    return in_thread


@pytest.fixture(autouse=True)
def communes(dhis2: Dhis2) -> None:
    dhis2.tree = {"06208": []}
    dhis2.data_sets["DsHealth001"] |= {"XaDatTCYTe1"}


async def test_it_says_who_we_are_what_is_there_and_what_would_come(dhis2: Dhis2, check: Check) -> None:
    dhis2.put("XaDatTCYTe1", "06208", "1", option="HllvX50cXC0")
    dhis2.put("Cards", "06208", "9")

    result = await check()

    assert result.exit_code == 0, result.output
    for told in ("we are poller on DHIS2 2.42.1", "Set DsHealth001", "Unit 06208", "2 values", "1 accepted"):
        assert told in result.stdout
    assert "unknown_alias" in result.stdout
    assert PASSWORD not in result.output


async def test_nothing_is_stored(database_url: str, dhis2: Dhis2, check: Check, tmp_path: Path) -> None:
    dhis2.put("XaDatTCYTe1", "06208", "1", option="HllvX50cXC0")

    document = json.loads((await check("--json")).stdout)

    assert document["polls"][0]["report"]["accepted"] == 1
    polls = tmp_path / "polls.yaml"
    async with process(database_url, polls) as one:
        world = PollWorld(database_url, dhis2, one, load_polls(polls, ["hmis"])[0], polls)
        assert (await world.events(), await world.state()) == ([], {})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"data_sets": ["Missing0001"]}, "dataSets/Missing0001 is not there"),
        ({"org_units": ["Missing0001"]}, "organisationUnits/Missing0001 is not there"),
        ({"url": "http://127.0.0.1:1/x"}, "unreachable"),
        ({"credentials_file": "none"}, "cannot be read"),
    ],
)
async def test_a_fault_is_told_and_the_command_fails(check: Check, fields: dict[str, Any], told: str) -> None:
    result = await check(**fields)

    assert result.exit_code == 1
    assert f"FAULT {told}" in result.stdout or told in result.stdout


async def test_an_unknown_poll_and_a_broken_file_are_usage_errors(check: Check) -> None:
    unknown, broken = await check("nobody"), await check(source="none")

    assert (unknown.exit_code, broken.exit_code) == (2, 2)
    assert "there is no poll 'nobody'" in unknown.output
    assert "has no profile in the catalog" in broken.output
