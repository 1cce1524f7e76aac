"""The endpoints, on real servers: requests made of the OpenAPI document, and answers that must be as it says."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from datchuan.migrations import upgrade
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.adapters.web.openapi import description
from shared.embedded.ports import free_port
from shared.runtime.database import create_database
from shared.testing.servers import empty_redis, fresh_database, run_in_thread, start_postgres, start_valkey
from tests.fuzz.fuzzing import Finding, Outcome

NAME: Final = "endpoints"
_START_SECONDS: Final = 30.0
_TEXTS: Final = (
    "application/x-ndjson", "application/adx+xml", "application/xml", "text/csv", "application/gzip", "application/zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
)  # fmt: skip
# A document of the right shape may name a commune that nobody knows, and one of another shape may have rows that are
# set aside while the others are taken: the answer on both is right by the document, and no failure.
# Tokens are our own to give and to withhold here, so that is checked by `_ask`.
_NOT_OURS: Final = [positive_data_acceptance, negative_data_rejection, ignored_auth]


@contextmanager
def serving(database_url: str, redis_url: str) -> Iterator[tuple[str, str]]:
    """Yield the URL of an ingest in a process of its own, with the catalog that is delivered, and a token for it."""
    port = free_port()
    names = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "PORT": str(port), "LOG_LEVEL": "ERROR"}
    environment = os.environ | {f"DATCHUAN_{name}": value for name, value in names.items()}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-m", "services.ingest"], env=environment) as service:
        try:
            token = run_in_thread(_token(database_url))
            _await_answer(url, service)
            yield url, token
            if service.poll() is not None:
                raise RuntimeError("the service has ended")
        finally:
            service.terminate()


async def _token(database_url: str) -> str:
    engine = create_database(SecretStr(database_url), "fuzz")
    try:
        return (await SqlTokenStore(engine).create("fuzz", "hmis", ["bhxh", "fhir"]))[1]
    finally:
        await engine.dispose()


def _await_answer(url: str, service: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{url}/openapi.json", timeout=5)
        except requests.ConnectionError:
            threading.Event().wait(0.05)
        else:
            return
    raise RuntimeError("the service does not answer")


def _as_bytes(_context: schemathesis.SerializationContext, value: Any) -> bytes | None:
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "replace") if isinstance(value, str) else None


class EndpointFuzzing:
    """Requests to one service; every operation in its turn, with a token and without."""

    def __init__(self, url: str, token: str, first_seed: int) -> None:
        for media in _TEXTS:
            schemathesis.serializer(media)(_as_bytes)
        schema = schemathesis.openapi.from_dict(description())
        self._operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        self._url = url
        self._token = token
        self._seed = first_seed
        self._ways: set[object] = set()
        self._findings: dict[str, Finding] = {}
        self.outcome = Outcome(NAME)

    def run(self, seconds: float, requests_each: int = 10) -> Outcome:
        """Ask for so many seconds, a few requests to every operation in its turn; one round of them at least."""
        start = time.monotonic()
        while not self.outcome.inputs or time.monotonic() - start < seconds:
            for operation in self._operations:
                for mode in schemathesis.GenerationMode:
                    self._batch(operation, mode, requests_each)
        self.outcome.seconds = time.monotonic() - start
        self.outcome.ways = len(self._ways)
        self.outcome.findings = list(self._findings.values())
        return self.outcome

    def _batch(self, operation: Any, mode: schemathesis.GenerationMode, count: int) -> None:
        self._seed += 1

        @seed(self._seed)
        @settings(
            max_examples=count, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode), st.integers(0, 9))
        def one(case: Any, chance: int) -> None:
            case.headers = {name: value for name, value in (case.headers or {}).items() if name != "Authorization"}
            case.headers |= {"Authorization": f"Bearer {self._token}"} if chance else {}
            self._ask(case, with_token=bool(chance))

        try:
            one()
        except Exception as error:
            if "Unsatisfiable" not in type(error).__name__:
                raise

    def _ask(self, case: Any, *, with_token: bool) -> None:
        self.outcome.inputs += 1
        told = f"{case.operation.method.upper()} {case.operation.path} {case.media_type}"
        try:
            response = case.call(base_url=self._url, timeout=30)
        except requests.RequestException as error:
            if not isinstance(error, requests.exceptions.InvalidHeader):
                self._note(f"{told}: {type(error).__name__}", case, str(error))
            return
        self._ways.add((told, response.status_code, str(response.headers.get("content-type"))))
        is_unauthorized = response.status_code == requests.codes.unauthorized
        if (
            is_unauthorized
            if with_token
            else response.status_code < requests.codes.bad_request and case.operation.method.upper() != "GET"
        ):
            self._note(
                f"{told}: {response.status_code} {'with' if with_token else 'without'} a token", case, response.text
            )
        try:
            case.validate_response(response, excluded_checks=_NOT_OURS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self._note(f"{told}: {type(failure).__name__} {response.status_code}", case, str(failure))

    def _note(self, what: str, case: Any, trace: str) -> None:
        if what in self._findings:
            self._findings[what].times += 1
        else:
            command = case.as_curl_command().encode("utf-8", "replace")
            self._findings[what] = Finding(NAME, what, trace, command)


def fuzz_endpoints(seconds: float, first_seed: int, folder: Path) -> Outcome:
    """Ask a fresh service on fresh servers; the commands of failing requests are written to the folder."""
    with tempfile.TemporaryDirectory(prefix="datchuan-fuzz-servers-", ignore_cleanup_errors=True) as temporary:
        place = Path(temporary)
        place.chmod(0o711)  # the database of root runs as another user, who must be able to pass
        with (
            start_postgres(place / "postgres") as postgres,
            start_valkey(place / "valkey") as valkey,
            fresh_database(postgres, upgrade) as database_url,
            empty_redis(valkey) as redis_url,
            serving(database_url, redis_url) as (url, token),
        ):
            outcome = EndpointFuzzing(url, token, first_seed).run(seconds=seconds)
    for number, finding in enumerate(outcome.findings):
        finding.file = folder / NAME / f"{first_seed}-{number}"
        finding.file.parent.mkdir(parents=True, exist_ok=True)
        finding.file.write_bytes(finding.body)
    return outcome
