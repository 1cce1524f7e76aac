"""`datchuan dead-letter` on mails and webhooks that were given up."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from shared.catalog.load import SHIPPED
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread

pytestmark = pytest.mark.integration

BHXH = "bhxh.caoloc@langson.example"
CORRECTED = "bhxh.moi@langson.example"
_SPOIL = (
    (
        "INSERT INTO notifier.delivery (id, channel, address, message_id, thread, subject, body, payload, created_at, "
        "status, attempts, server_reply, settled_at) VALUES ('d1', 'mail', :address, '<d1@x>', '{}', 'Xã Thụy Hùng', "
        "'', '', now(), 'dead', 1, '550 no', now())"
    ),
    (
        "INSERT INTO notifier.ledger (subject, kind, unit, node, cell, as_of, cause, sequence, responsible_unit, role, "
        "channel, address, dispatch, clauses, no_address_units, status, due_at, delivery_id) VALUES "
        "('rollup:1', 'rollup', '06208', 'xa_ntm', '', '2024-10-15', 'data', 1, 'bhxh', 'lead', 'mail', :address, "
        "'caoloc-ubnd-vp-2024-09', '{}', '{}', 'dead', now(), 'd1')"
    ),
    (
        "INSERT INTO messaging.dead_letter (message_id, stream, payload, reason, failed_at, attempts) VALUES "
        "('m1', 's', 'x', 'bad', now(), 1)"
    ),
)


async def execute(url: str, *statements: str) -> list[Sequence[Any]]:
    """Execute statements; return the rows of the last one, when it has any."""
    engine = create_database(SecretStr(url), "test")
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement), {"address": BHXH})
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        await engine.dispose()


class Shell:
    """Runs commands on a database with one dead mail and one dead message, by a catalog of its own."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.url = database_url
        self.catalog = folder / "catalog"
        shutil.copytree(SHIPPED, self.catalog)
        self._environment = {
            "DATCHUAN_DATABASE_URL": database_url,
            "DATCHUAN_DATA": str(folder),
            "DATCHUAN_CATALOG": str(self.catalog),
            "COLUMNS": "200",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["dead-letter", *arguments], env=self._environment)

    def correct(self, line: str | None) -> None:
        """Put another line of the catalog in the place of the one with the address of BHXH."""
        file = self.catalog / "addresses.yaml"
        lines = file.read_text(encoding="utf-8").splitlines()
        mended = [(line if BHXH in each else each) for each in lines]
        file.write_text("\n".join(each for each in mended if each is not None) + "\n", encoding="utf-8")

    def ledger(self) -> list[Sequence[Any]]:
        return run_in_thread(execute(self.url, "SELECT address, status FROM notifier.ledger ORDER BY id"))


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    """Commands on a database with one dead mail and one dead message."""
    run_in_thread(execute(database_url, *_SPOIL))
    return Shell(database_url, tmp_path)


def test_a_dead_mail_waits_for_the_address_that_was_corrected_in_the_catalog(shell: Shell) -> None:
    shell.correct(f"  - {{dispatch: caoloc-ubnd-vp-2024-09, unit: bhxh, mail: [{CORRECTED}]}}")

    result = shell.run("retry", "d1", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "id": "d1",
        "requeued": True,
        "waiting": 1,
        "addresses": [CORRECTED],
        "superseded": 1,
        "unreachable": [],
    }
    assert shell.ledger() == [(BHXH, "superseded"), (CORRECTED, "waiting")]
    assert shell.run("retry", "d1").exit_code == 1


def test_a_dead_mail_of_a_unit_without_address_stays_dead_and_the_status_is_1(shell: Shell) -> None:
    shell.correct(None)

    result = shell.run("retry", "d1")

    assert result.exit_code == 1
    assert "the catalog has no address of: bhxh" in result.stderr
    assert shell.ledger() == [(BHXH, "dead")]


def test_a_dead_message_still_goes_back_to_its_service(shell: Shell) -> None:
    result = shell.run("retry", "m1", "--json")

    assert json.loads(result.stdout) == {"id": "m1", "requeued": True}
    assert shell.ledger() == [(BHXH, "dead")]


def test_a_discarded_mail_leaves_the_list_and_is_shown_when_asked_for(shell: Shell) -> None:
    discarded = json.loads(shell.run("discard", "d1", "--json").stdout)

    dead = json.loads(shell.run("list", "--json").stdout)
    closed = json.loads(shell.run("list", "--discarded", "--json").stdout)
    assert discarded == {"id": "d1", "discarded": True}
    assert ([row["id"] for row in dead["messages"]], dead["deliveries"]) == (["m1"], [])
    assert [(row["id"], row["status"], row["server_reply"]) for row in closed["deliveries"]] == [
        ("d1", "discarded", "550 no")
    ]
    assert "550 no" in shell.run("list", "--discarded").stdout
    assert shell.ledger() == [(BHXH, "discarded")]


def test_what_is_no_dead_mail_cannot_be_discarded(shell: Shell) -> None:
    result = shell.run("discard", "m1")

    assert result.exit_code == 1
    assert "there is no dead mail or webhook 'm1'" in result.stderr


def test_a_dead_mail_is_corrected_by_hand_and_the_audit_says_who_did_it(shell: Shell) -> None:
    result = shell.run("retry", "d1", "--to", CORRECTED, "--by", "Lê Văn A, trực hệ thống", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["addresses"] == [CORRECTED]
    assert shell.ledger() == [(BHXH, "superseded"), (CORRECTED, "waiting")]
    (line,) = run_in_thread(execute(shell.url, "SELECT kind, delivery_id, actor, details FROM notifier.audit"))
    assert tuple(line[:3]) == ("replayed", "d1", "Lê Văn A, trực hệ thống")
    assert json.loads(line[3])["addresses"] == [CORRECTED]
    assert shell.run("retry", "d1", "--to", CORRECTED).exit_code == 1


@pytest.mark.parametrize("address", ["bhxh", "a b@x.example", "@x.example", "a@b@c.example"])
def test_what_is_no_mail_address_corrects_nothing(shell: Shell, address: str) -> None:
    result = shell.run("retry", "d1", "--to", address)

    assert result.exit_code == 1
    assert "is not a mail address" in result.stderr
    assert shell.ledger() == [(BHXH, "dead")]


def test_a_dead_webhook_is_corrected_in_the_catalog_only(shell: Shell) -> None:
    run_in_thread(execute(shell.url, "UPDATE notifier.delivery SET channel = 'webhook'"))

    result = shell.run("retry", "d1", "--to", CORRECTED)

    assert result.exit_code == 1
    assert "can only be corrected in addresses.yaml" in result.stderr
    assert shell.ledger() == [(BHXH, "dead")]


def test_a_dead_mail_is_shown_with_its_units_tries_and_text(shell: Shell) -> None:
    shell.run("retry", "d1", "--to", CORRECTED, "--by", "Lê Văn A")

    shown = json.loads(shell.run("show", "d1", "--json").stdout)

    assert (shown["id"], shown["status"], shown["server_reply"]) == ("d1", "replaced", "550 no")
    assert shown["entries"] == [
        {"responsible_unit": "bhxh", "role": "lead", "kind": "rollup", "about": "06208 xa_ntm", "status": "superseded"}
    ]
    assert [(each["kind"], each["actor"]) for each in shown["tries"]] == [("replayed", "Lê Văn A")]
    assert "550 no" in shell.run("show", "d1").stdout
    assert shell.run("show", "d2").exit_code == 1


def test_all_dead_mails_of_an_address_are_tried_again_at_once(shell: Shell) -> None:
    other = json.loads(shell.run("retry-all", "--address", CORRECTED, "--json").stdout)
    mended = json.loads(shell.run("retry-all", "--address", BHXH, "--json").stdout)
    again = json.loads(shell.run("retry-all", "--json").stdout)

    assert (other["waiting"], other["addresses"]) == (0, [])
    assert (mended["waiting"], mended["addresses"], mended["requeued"]) == (1, [BHXH], True)
    assert again["waiting"] == 0
    assert shell.ledger() == [(BHXH, "waiting")]
