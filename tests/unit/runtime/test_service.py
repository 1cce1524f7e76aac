"""How a service starts: what it says when it cannot, and what it says of variables that nothing reads."""

import socket
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from datchuan.cli.session import CommandSettings
from services.evaluator.settings import EvaluatorSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from shared.runtime.service import misspelt
from shared.runtime.settings import RuntimeSettings

ROOT = Path(__file__).resolve().parents[3]
ALL = (IngestSettings, EvaluatorSettings, NotifierSettings, CommandSettings)
SERVICE = """
import sys
from starlette.applications import Starlette
from shared.runtime.ops import run_server
from shared.runtime.process import supervise
from shared.runtime.service import run_service
from shared.runtime.settings import RuntimeSettings

async def run(settings, stop):
    await supervise(stop.wait(), run_server(Starlette(), settings.host, settings.port, stop), stop=stop)

sys.exit(run_service("example", RuntimeSettings, run))
"""


def test_a_port_in_use_is_one_sentence_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {"PYTHONPATH": str(ROOT), "DATCHUAN_PORT": str(port)}
        result = subprocess.run(
            [sys.executable, "-c", SERVICE], env=environment, capture_output=True, encoding="utf-8", check=False
        )

    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert f"example: Cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "crashed" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("DATCHUAN_LOGLEVEL", "DATCHUAN_LOG_LEVEL"),
        ("DATCHUAN_DATABASE_ULR", "DATCHUAN_DATABASE_URL"),
        ("DATCHUAN_DATABSE_URL_FILE", "DATCHUAN_DATABASE_URL"),
        ("DATCHUAN_CLOCK_OFFSET_DAY", "DATCHUAN_CLOCK_OFFSET_DAYS"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_named_with_what_it_may_mean(variable: str, meant: str) -> None:
    assert misspelt(RuntimeSettings, [variable]) == [(variable, meant)]


@pytest.mark.parametrize(("reader", "other"), [pair for pair in product(ALL, ALL) if pair[0] is not pair[1]])
def test_no_setting_of_one_service_looks_like_a_mistake_to_another(
    reader: type[RuntimeSettings], other: type[RuntimeSettings]
) -> None:
    assert misspelt(reader, [f"DATCHUAN_{name.upper()}" for name in other.model_fields]) == []
