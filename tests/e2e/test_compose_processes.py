"""The commands, environments and health check of docker-compose.yml, run as processes on the embedded servers."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import yaml

from shared.embedded.ports import free_port
from shared.embedded.postgres import EmbeddedPostgres
from shared.testing.polling import until
from shared.testing.servers import run_in_thread

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "compose"


@dataclass
class Running:
    """One service as compose starts it, and where it is reached."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path


@pytest.fixture
def compose() -> dict[str, Any]:
    """The services of the compose file."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return parsed


@pytest.fixture
def secrets(postgres_server: EmbeddedPostgres, redis_url: str, tmp_path: Path) -> Iterator[Path]:
    """The secrets that `make secrets` writes, with the addresses of the embedded servers and an empty database."""
    folder = tmp_path / "secrets"
    subprocess.run([str(ROOT / "deploy/make-secrets"), str(folder)], check=True, capture_output=True, timeout=30)
    run_in_thread(execute(postgres_server, f"CREATE DATABASE {DATABASE}"))
    (folder / "database_url").write_text(postgres_server.url(DATABASE), encoding="utf-8")
    (folder / "redis_url").write_text(redis_url, encoding="utf-8")
    yield folder
    run_in_thread(execute(postgres_server, f"DROP DATABASE {DATABASE} WITH (FORCE)"))


async def execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def command_of(service: dict[str, Any]) -> list[str]:
    program, *arguments = service["command"]
    return [sys.executable if program == "python" else str(Path(sys.executable).parent / program), *arguments]


def environment_of(service: dict[str, Any], secrets: Path, port: int) -> dict[str, str]:
    """What the container would have, with this machine's address in place of the container's."""
    given = {name: value.replace("/run/secrets/", f"{secrets}/") for name, value in service["environment"].items()}
    here = {"DATCHUAN_HOST": "127.0.0.1", "DATCHUAN_PORT": str(port)} if "DATCHUAN_PORT" in given else {}
    return {"PATH": os.environ["PATH"], "HOME": "/tmp", **given, **here}  # noqa: S108 - as in the image


@contextmanager
def started(name: str, service: dict[str, Any], secrets: Path, folder: Path) -> Iterator[Running]:
    port = free_port()
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command_of(service), env=environment_of(service, secrets, port), cwd=folder, stdout=output, stderr=output
        )
        try:
            yield Running(process, port, log)
        finally:
            process.kill()
            process.wait()


def run_once(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def health_check(port: int, folder: Path) -> int:
    """The exit code of the image's health check for a service on a port."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    match = re.search(r"HEALTHCHECK.*?CMD (\[.+?\])\n", dockerfile, re.DOTALL)
    assert match
    _, *arguments = json.loads(match[1])
    environment = {"PATH": os.environ["PATH"], "DATCHUAN_PORT": str(port)}
    return run_once([sys.executable, *arguments], environment, folder).returncode


async def ready(client: httpx.AsyncClient, running: Running) -> bool:
    assert running.process.poll() is None, running.log.read_text(encoding="utf-8")
    try:
        return (await client.get(f"http://127.0.0.1:{running.port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def wait_until_ready(client: httpx.AsyncClient, running: Running) -> None:
    await until(lambda: ready(client, running), timeout=60, what=f"{running.log.stem} to be ready")


async def test_what_compose_starts_migrates_gets_ready_is_healthy_and_ends_when_asked(
    compose: dict[str, Any], secrets: Path, tmp_path: Path
) -> None:
    services = compose["services"]
    migrate = services["migrate"]
    done = run_once(command_of(migrate), environment_of(migrate, secrets, 0), tmp_path)
    assert done.returncode == 0, done.stderr

    with ExitStack() as stack:
        running = [
            stack.enter_context(started(f"{name}-{number}", services[name], secrets, tmp_path))
            for name in ("ingest", "evaluator", "notifier")
            for number in range(services[name].get("deploy", {}).get("replicas", 1))
        ]
        async with httpx.AsyncClient() as client:
            for each in running:
                await wait_until_ready(client, each)
                metrics = await client.get(f"http://127.0.0.1:{each.port}/metrics")
                assert "datchuan_mailbox_messages" in metrics.text
            (notifier,) = (each for each in running if each.log.stem.startswith("notifier"))
            asked = f"http://127.0.0.1:{notifier.port}/v1/alerts"
            token = (secrets / "notifier_api_token").read_text(encoding="utf-8").strip()
            answer = await client.get(asked, headers={"Authorization": f"Bearer {token}"})
            assert answer.json()["alerts"] == []
            assert (await client.get(asked)).status_code == 401

        assert [health_check(each.port, tmp_path) for each in running] == [0] * 4
        assert health_check(free_port(), tmp_path) != 0

        for each in running:
            each.process.send_signal(signal.SIGTERM)
        assert [each.process.wait(timeout=30) for each in running] == [0] * 4
