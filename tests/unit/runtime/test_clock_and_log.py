"""The clock and the logs."""

import datetime as dt
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.runtime.clock import SystemClock
from shared.runtime.log import configure_logging
from shared.testing.clocks import ManualClock


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_the_date_is_that_of_viet_nam() -> None:
    clock = ManualClock(dt.datetime(2024, 2, 29, 17, 30, tzinfo=dt.UTC))

    assert clock.today() == dt.date(2024, 3, 1)


def test_a_clock_set_to_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(dt.datetime(2024, 2, 29))  # noqa: DTZ001 - that is what is refused


def test_the_offset_moves_the_clock_by_whole_days() -> None:
    before, now, after = SystemClock().now(), SystemClock(-365).now(), SystemClock().now()

    assert before - dt.timedelta(days=365) <= now <= after - dt.timedelta(days=365)
    assert now.utcoffset() == dt.timedelta(0)


def test_our_events_are_json_lines_with_their_keys(restored_logging: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest", "INFO")

    structlog.get_logger("x").info("request stored", unit="xã Cao Lâu", rows=3)

    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "request stored"
    assert (line["unit"], line["rows"], line["service"], line["level"]) == ("xã Cao Lâu", 3, "ingest", "info")
    assert dt.datetime.fromisoformat(line["timestamp"]).utcoffset() == dt.timedelta(0)


def test_lines_of_libraries_are_json_too_with_their_traceback(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("ingest", "INFO")

    try:
        int("broken")
    except ValueError:
        logging.getLogger("some.library").exception("it failed for %s", "u1")

    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "it failed for u1"
    assert "ValueError: invalid literal" in line["exception"]
    assert line["service"] == "ingest"


def test_the_level_is_respected(restored_logging: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("ingest", "warning")

    structlog.get_logger("x").info("not worth a line")
    logging.getLogger("faststream").info("Received")

    assert capsys.readouterr().err == ""
