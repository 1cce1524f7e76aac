"""The commands that work on the database."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.domain.tokens import Grant, hash_token
from shared.embedded.ports import free_port
from shared.embedded.postgres import EmbeddedPostgres
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread

pytestmark = pytest.mark.integration


class Shell:
    """Runs commands on one database."""

    def __init__(self, database_url: str, data: Path) -> None:
        self.url = database_url
        self._environment = {"DATCHUAN_DATABASE_URL": database_url, "DATCHUAN_DATA": str(data), "COLUMNS": "200"}

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self._environment)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """Commands on a fresh migrated database."""
    return Shell(database_url, tmp_path)


@pytest.fixture
def empty_shell(postgres_server: EmbeddedPostgres, tmp_path: Path) -> Shell:
    """Commands on a database without tables."""
    return Shell(postgres_server.url("postgres"), tmp_path)


def grant_of(url: str, token: str) -> Grant | None:
    async def find() -> Grant | None:
        engine = create_database(SecretStr(url), "test")
        try:
            return await SqlTokenStore(engine).find(hash_token(token))
        finally:
            await engine.dispose()

    return run_in_thread(find())


def test_migrating_a_migrated_database_does_nothing(shell: Shell) -> None:
    result = shell.run("migrate", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["applied"] == []
    assert document["version"] == document["newest"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "06208"),
        ("explain", "06208", "15.1"),
        ("verify",),
        ("token", "list"),
        ("quarantine", "list"),
    ],
)
def test_a_database_without_tables_is_told_with_its_remedy(empty_shell: Shell, arguments: tuple[str, ...]) -> None:
    result = empty_shell.run(*arguments)

    assert result.exit_code == 1
    assert "Run `datchuan migrate`" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "arguments", [("status",), ("verify",), ("migrate",), ("token", "list"), ("dead-letter", "list")]
)
def test_a_database_that_is_away_is_told_with_its_place(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    port = free_port()

    result = Shell(f"postgresql://datchuan:secret@127.0.0.1:{port}/datchuan", tmp_path).run(*arguments)

    assert result.exit_code == 1
    assert f"127.0.0.1:{port} does not answer" in result.stderr
    assert "secret" not in result.output


def test_a_token_is_shown_once_opens_what_it_says_and_ends_when_revoked(shell: Shell) -> None:
    created = json.loads(shell.run("token", "create", "--source", "hmis", "--may-send", "a,b", "--json").stdout)
    granted = grant_of(shell.url, created["token"])

    listed = json.loads(shell.run("token", "list", "--json").stdout)["tokens"]
    revoked = shell.run("token", "revoke", str(created["id"]))

    assert granted is not None
    assert (granted.source, granted.may_send) == ("hmis", frozenset({"a", "b"}))
    assert [row["source"] for row in listed] == ["hmis"]
    assert created["token"] not in json.dumps(listed)
    assert revoked.exit_code == 0
    assert grant_of(shell.url, created["token"]) is None


def test_a_token_can_go_into_a_private_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "hmis.token"

    result = shell.run("token", "create", "--source", "hmis", "--to-file", str(file))

    assert result.exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert grant_of(shell.url, file.read_text(encoding="utf-8").strip()) is not None
    assert file.read_text(encoding="utf-8").strip() not in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(("token", "create", "--source", "HM IS"), 2, "'HM IS' is no name of a source", id="bad source"),
        pytest.param(("token", "revoke", "99"), 1, "there is no valid token 99", id="unknown token"),
        pytest.param(("quarantine", "show", "99"), 1, "the quarantine has no row 99", id="unknown row"),
        pytest.param(("quarantine", "retry"), 2, "say which rows", id="no rows named"),
        pytest.param(("quarantine", "retry", "1", "--all"), 2, "say which rows", id="rows and all"),
        pytest.param(("quarantine", "list", "--reason", "bad_luck"), 2, "bad_luck", id="unknown reason"),
        pytest.param(("dead-letter", "retry", "x"), 1, "there is no dead message 'x'", id="unknown message"),
    ],
)
def test_a_wrong_command_is_one_sentence(shell: Shell, arguments: tuple[str, ...], status: int, said: str) -> None:
    result = shell.run(*arguments)

    assert result.exit_code == status
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_an_empty_quarantine_and_no_dead_letters_are_empty_lists(shell: Shell) -> None:
    quarantine = json.loads(shell.run("quarantine", "list", "--json").stdout)
    retried = json.loads(shell.run("quarantine", "retry", "--all", "--json").stdout)
    dead = json.loads(shell.run("dead-letter", "list", "--json").stdout)

    assert quarantine == {"open": {}, "rows": []}
    assert retried == {"accepted": [], "duplicates": [], "still_bad": {}}
    assert dead == {"messages": [], "deliveries": []}


def test_a_database_that_no_evaluator_has_used_is_told_as_such(shell: Shell) -> None:
    overview = shell.run("status")
    verified = json.loads(shell.run("verify", "--json").stdout)

    assert "No verdict is stored yet" in overview.stdout
    assert verified["differences"] == 0
    assert verified["communes"] == 0


def test_a_fact_that_no_report_made_is_a_difference_and_status_1(shell: Shell) -> None:
    statement = (
        "INSERT INTO evaluator.fact_page (unit, reports) SELECT '06208', json_build_array(json_build_object("
        "'seq', 1, 'event_id', 'x', 'source', 'x', 'unit', '06208', 'indicator', 'bhyt_coverage', 'cell', 'female', "
        "'period_start', '2024-09-01', 'period_end', '2024-09-30', 'observed_at', now())) RETURNING id"
    )
    run_in_thread(execute(shell.url, statement))

    result = shell.run("verify", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["differences"] == 1


def test_a_row_that_was_set_aside_is_listed_shown_and_accepted_after_the_catalog_was_mended(shell: Shell) -> None:
    row_id = run_in_thread(set_aside(shell.url))

    shown = json.loads(shell.run("quarantine", "show", str(row_id), "--json").stdout)
    listed = shell.run("quarantine", "list", "--reason", "unknown_commune")
    retried = json.loads(shell.run("quarantine", "retry", str(row_id), "--json").stdout)
    left = json.loads(shell.run("quarantine", "list", "--json").stdout)

    assert shown["reason"] == "unknown_commune"
    assert shown["remedy_vi"]
    assert '"commune": "06208"' in shown["raw"]
    assert "unknown_commune 1" in listed.stdout
    assert retried["accepted"] == [row_id]
    assert left["rows"] == []


def test_rows_are_listed_with_file_and_place_and_discarded_by_what_they_have_in_common(shell: Shell) -> None:
    first = run_in_thread(set_aside(shell.url))
    statement = (
        "INSERT INTO ingest.request (id, source, received_at, format, content_type, file_name, rows, body) "
        "VALUES (1, 'hmis', now(), 'native_json', '', 'thang-9.csv', 1, '') RETURNING id"
    )
    run_in_thread(execute(shell.url, statement))

    listed = shell.run("quarantine", "list").stdout
    shown = json.loads(shell.run("quarantine", "show", str(first), "--json").stdout)
    nothing = shell.run("quarantine", "discard")
    of_others = json.loads(shell.run("quarantine", "discard", "--source", "bhxh", "--json").stdout)
    of_request = json.loads(
        shell.run("quarantine", "discard", "--reason", "unknown_commune", "--all-of-request", "1", "--json").stdout
    )

    assert "thang-9.csv" in listed
    assert "line 1" in listed
    assert (shown["file"], shown["place"], shown["request"]) == ("thang-9.csv", "line 1", 1)
    assert nothing.exit_code == 2
    assert "--all-of-request" in nothing.stderr
    assert (of_others, of_request) == ({"discarded": []}, {"discarded": [first]})


def test_a_retry_of_all_tells_a_summary_by_reason_and_the_first_rows(shell: Shell) -> None:
    statement = (
        "WITH put AS (INSERT INTO ingest.quarantine (source, digest, request_id, row, place, format, reason, field, "
        "value, detail, raw, received_at, last_seen_at, seen, status) "
        "SELECT 'hmis', int4send(n), 2, n, '', 'native_json', 'bad_period', 'period', '', '', '{}', "
        "now(), now(), 1, 'open' "
        "FROM generate_series(1, 25) AS n RETURNING id) SELECT count(*) FROM put"
    )
    run_in_thread(execute(shell.url, statement))

    result = shell.run("quarantine", "retry", "--all")

    assert result.exit_code == 1
    assert "accepted 0, known already 0, still wrong 25" in result.stdout
    assert "  missing_field: 25\n" in result.stdout
    assert result.stdout.count("missing_field id – ") == 20
    assert "and 5 more" in result.stdout


def test_what_a_sender_wrote_cannot_colour_or_break_the_screen(shell: Shell) -> None:
    evil = "[bold red]x[/] urn:x:hmis [/oops]"
    row_id = run_in_thread(set_aside(shell.url, f"{evil}\x1b[2J"))

    listed = shell.run("quarantine", "list")
    shown = shell.run("quarantine", "show", str(row_id))

    assert (listed.exit_code, shown.exit_code) == (0, 0)
    assert evil in listed.stdout
    assert f"{evil}[2J" in shown.stdout
    assert "\x1b" not in listed.stdout + shown.stdout


def test_a_database_that_is_away_says_how_to_find_a_stack_with_a_folder_of_its_own(tmp_path: Path) -> None:
    result = Shell(f"postgresql://datchuan@127.0.0.1:{free_port()}/datchuan", tmp_path).run("status")

    assert "started with --data, set DATCHUAN_DATA" in result.stderr


async def set_aside(url: str, value: str = "06208") -> int:
    """Put a row that is right today into the quarantine, as if the catalog had lacked its commune then."""
    raw = json.dumps(
        {
            "id": "late-1", "commune": "06208", "indicator": "bhyt_coverage", "sex": "female", "period": "202409",
            "numerator": 95, "denominator": 100, "observed_at": "2024-10-01T00:00:00Z",
        }
    )  # fmt: skip
    statement = (
        "INSERT INTO ingest.quarantine (source, digest, request_id, row, place, format, event_id, reason, field, "
        "value, detail, raw, received_at, last_seen_at, seen, status) VALUES ('hmis', '\\x00', 1, 1, 'line 1', "
        "'native_json', 'late-1', "
        "'unknown_commune', 'commune', :value, '', :raw, now(), now(), 1, 'open') RETURNING id"
    )
    return await execute(url, statement, raw=raw.encode(), value=value)


async def execute(url: str, statement: str, **parameters: object) -> int:
    """Execute a statement that returns one number."""
    engine = create_database(SecretStr(url), "test")
    try:
        async with engine.begin() as connection:
            return int((await connection.execute(text(statement), parameters)).scalar_one())
    finally:
        await engine.dispose()


def test_verify_passes_over_a_buried_message_that_nobody_can_read(shell: Shell) -> None:
    async def bury() -> None:
        engine = create_database(SecretStr(shell.url), "test")
        try:
            async with engine.begin() as connection:
                await connection.execute(
                    text(
                        "INSERT INTO messaging.dead_letter (message_id, stream, payload, reason, attempts) "
                        "VALUES ('m', 'datchuan.indicator.reported.v1.p0', 'no JSON', 'cannot be decoded', 1)"
                    )
                )
        finally:
            await engine.dispose()

    run_in_thread(bury())
    result = shell.run("verify", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["differences"] == 0
