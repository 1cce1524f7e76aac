"""`datchuan notify drill`, as far as it needs no server."""

import datetime as dt

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.runtime.clock import SystemClock


def drill(day: dt.date, *arguments: str, answer: str = "") -> Result:
    environment = {"DATCHUAN_CLOCK_OFFSET_DAYS": str((day - SystemClock().today()).days), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["notify", "drill", *arguments], env=environment, input=answer)


@pytest.mark.parametrize(
    ("day", "arguments", "words"),
    [
        pytest.param(dt.date(2024, 10, 15), ("none",), "is not in the catalog", id="unknown"),
        pytest.param(dt.date(2025, 12, 1), ("caoloc-ubnd-vp-2024-09",), "is not in force today", id="ended"),
        pytest.param(dt.date(2030, 1, 1), (), "0 dispatches are in force today", id="none in force"),
    ],
)
def test_a_dispatch_that_reaches_nobody_gets_no_drill(day: dt.date, arguments: tuple[str, ...], words: str) -> None:
    result = drill(day, *arguments)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_nothing_is_sent_before_the_question_is_answered_with_yes() -> None:
    result = drill(dt.date(2024, 10, 15), "caoloc-ubnd-vp-2024-09", answer="n\n")

    assert result.exit_code == 1
    assert "Send a drill to" in result.output
    assert "Aborted" in result.output
