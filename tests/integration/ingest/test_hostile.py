"""More than a hundred hostile inputs, each with its answer, while another sender is served as if nothing were.

The process is a real one behind a real socket. With DATCHUAN_HOSTILE_SLOW the true sizes are sent to it (1 GB, 100 MB)
under the limits of production; without, the limits are smaller, where size only costs time.
"""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from datchuan.migrations import upgrade
from services.ingest.adapters.tokens import SqlTokenStore
from shared.embedded.ports import free_port
from shared.testing.servers import empty_redis, fresh_database, run_in_thread
from tests.integration.ingest import hostile_bulk, hostile_files, hostile_persons, hostile_text, hostile_wire
from tests.integration.ingest.hostile import DEADLINE, MARKER, NOBODY, SECONDS, SLOW, Answer, Attack, Target

pytestmark = pytest.mark.integration
TABLE = os.environ.get("DATCHUAN_HOSTILE_TABLE")
MODULES = (hostile_bulk, hostile_text, hostile_files, hostile_persons, hostile_wire)
ATTACKS: list[Attack] = [attack for module in MODULES for attack in module.ATTACKS if SLOW or not attack.is_slow]
MB = 1 << 20
SMALL = {"DATCHUAN_MAX_BODY_BYTES": "3000000", "DATCHUAN_MAX_IMPORT_BYTES": "8000000"}


class Neighbour(threading.Thread):
    """Another sender: posts one good event after the other, and notes each answer and how long it took."""

    def __init__(self, target: Target) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._ended = threading.Event()
        self.answers: list[tuple[int, float]] = []
        self.slowest = 0.0

    def run(self) -> None:
        number = 0
        while not self._ended.wait(0.05):
            number += 1
            started = time.monotonic()
            status = self._post(number)
            self.answers.append((status, time.monotonic() - started))
            self.slowest = max(self.slowest, self.answers[-1][1])

    def _post(self, number: int) -> int:
        event = hostile_text.EVENT | {"id": f"n{number}", "numerator": number % 9}
        line = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self._target.token}", "Content-Type": "application/json"}
            line.request("POST", "/v1/events", msgspec.json.encode(event), headers)
            return line.getresponse().status
        except OSError:
            return NOBODY
        finally:
            line.close()

    def end(self) -> None:
        self._ended.set()
        self.join()


class Besieged(msgspec.Struct):
    """The service under attack."""

    target: Target
    database: str
    pid: int
    log: Path
    neighbour: Any
    lines: list[str] = []

    def rows(self, query: str) -> list[Any]:
        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.database.replace("+asyncpg", ""))
            try:
                return [tuple(row) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return run_in_thread(ask())

    @property
    def peak_bytes(self) -> int:
        """The most memory that the process has ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


async def _tokens(database: str) -> tuple[str, str]:
    engine = create_async_engine(database)
    store = SqlTokenStore(engine)
    tokens = [(await store.create(source, source))[1] for source in ("hmis", "bhxh")]
    await engine.dispose()
    return tokens[0], tokens[1]


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            line.request("GET", "/healthz")
            line.getresponse().read()
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
        finally:
            line.close()
    raise AssertionError("the service did not start")


@pytest.fixture(scope="module")
def besieged(postgres_server: Any, valkey_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """The service in a process of its own, with a neighbour that sends to it all the time."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(postgres_server, upgrade))
        redis = stack.enter_context(empty_redis(valkey_server))
        hostile, good = run_in_thread(_tokens(database))
        port, log = free_port(), tmp_path_factory.mktemp("hostile") / "log"
        settings = {
            "DATCHUAN_DATABASE_URL": database, "DATCHUAN_REDIS_URL": redis, "DATCHUAN_PORT": str(port),
            "DATCHUAN_BODY_TIMEOUT_SECONDS": "2",
        }  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.ingest"],
                env=os.environ | settings | ({} if SLOW else SMALL), stdout=output, stderr=output,
            )  # fmt: skip
        try:
            _wait(port, process)
            neighbour = Neighbour(Target(port=port, token=good))
            neighbour.start()
            running = Besieged(Target(port=port, token=hostile), database, process.pid, log, neighbour)
            yield running
            neighbour.end()
            if TABLE:
                top = "| name | sent | answer | reason |\n|---|---|---|---|"
                Path(TABLE).write_text("\n".join([top, *running.lines, ""]), encoding="utf-8")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def hmis_rows(besieged: Besieged) -> list[Any]:
    return besieged.rows(
        "SELECT (SELECT count(*) FROM ingest.request WHERE source = 'hmis'), "
        "(SELECT count(*) FROM ingest.quarantine WHERE source = 'hmis')"
    )


def noted(besieged: Besieged, attack: Attack, answer: Answer, seconds: float) -> None:
    status = "line closed" if answer.status == NOBODY else str(answer.status)
    cells = (attack.name, attack.sent, status, answer.reason)
    besieged.lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    peak, other = besieged.peak_bytes // MB, besieged.neighbour.slowest
    print(f"{seconds:6.2f} s {status:>5} {answer.reason:<24} {attack.name} [{peak} MB, other {other:.2f} s]")
    besieged.neighbour.slowest = 0.0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_input_gets_its_answer_in_time(besieged: Besieged, attack: Attack) -> None:
    before = hmis_rows(besieged) if attack.is_personal else []
    started = time.monotonic()

    answer = attack.send(besieged.target)

    seconds = time.monotonic() - started
    noted(besieged, attack, answer, seconds)
    assert answer.status in attack.statuses, answer.text[:500]
    assert not attack.reason or attack.reason in answer.reason.split("+"), answer.text[:500]
    assert seconds < (3 * SECONDS if attack.is_slow else DEADLINE)
    if attack.is_personal:
        assert hmis_rows(besieged) == before


def test_there_are_more_than_a_hundred_and_no_two_of_one_name() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) > 100


def test_the_other_sender_was_served_all_the_time(besieged: Besieged) -> None:
    answers = list(besieged.neighbour.answers)

    assert {status for status, _ in answers} == {202}
    assert max(seconds for _, seconds in answers) < (5 if SLOW else 1)


def test_memory_stayed_bounded(besieged: Besieged) -> None:
    assert besieged.peak_bytes < (450 if SLOW else 300) * MB


def test_nothing_of_a_person_is_in_the_database_or_in_the_log(besieged: Besieged) -> None:
    tables = besieged.rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    found = {}
    for (table,) in tables:
        # A row as text has its bytea columns in hexadecimal.
        told = f"t::text LIKE '%{MARKER}%' OR t::text LIKE '%{MARKER.encode().hex()}%'"
        found[table] = besieged.rows(f"SELECT count(*) FROM {table} AS t WHERE {told}")[0][0]

    assert len(found) > 5
    assert set(found.values()) == {0}
    assert MARKER not in besieged.log.read_text(encoding="utf-8", errors="replace")


def test_the_service_still_runs_and_has_logged_no_failure(besieged: Besieged) -> None:
    answer = hostile_text.ATTACKS[0].send(besieged.target)

    assert answer.status == 400
    assert "a request failed" not in besieged.log.read_text(encoding="utf-8", errors="replace")
