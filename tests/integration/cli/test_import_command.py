"""`datchuan import` against a running ingest, over HTTP."""

import asyncio
import json
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.ingest.adapters.tokens import SqlTokenStore
from services.ingest.app import build
from services.ingest.settings import IngestSettings
from shared.catalog.load import load_catalog
from shared.embedded.ports import free_port
from shared.testing.polling import until

pytestmark = pytest.mark.integration
EVENT = {
    "id": "1", "commune": "06208", "indicator": "bhyt_coverage", "sex": "female", "period": "202409", "numerator": 95,
    "denominator": 100, "observed_at": "2024-10-01T00:00:00Z",
}  # fmt: skip
VALUE = {
    "dataElement": "BhytCoThe01", "categoryOptionCombo": "GioiTinhNam", "period": "202409", "orgUnit": "06208",
    "value": "95", "lastUpdated": "2024-10-02T08:30:00",
}  # fmt: skip


@dataclass
class Ingest:
    """A running ingest and what the command needs to send to it."""

    url: str
    token: str
    folder: Path

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command and return its status and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "datchuan.cli.main", "import", *arguments, "--url", self.url,
            env={"DATCHUAN_TOKEN": self.token, "DATCHUAN_DATA": str(self.folder), "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def run_json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run the command with --json."""
        status, out, _ = await self.run(*arguments, "--json")
        return status, json.loads(out)


@pytest.fixture
async def ingest(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Ingest]:
    """An ingest on the shipped catalog; the token is that of hmis."""
    port = free_port()
    settings = IngestSettings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), port=port, host="127.0.0.1",
        max_body_bytes=64 * 1024,
    )  # fmt: skip
    application = build(settings, load_catalog())
    _, token = await SqlTokenStore(application.engine).create("test", "hmis", [])
    stop = asyncio.Event()
    running = asyncio.create_task(application.run(stop))

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    await until(listens)
    yield Ingest(f"http://127.0.0.1:{port}", token, tmp_path)
    stop.set()
    await running


async def test_a_folder_of_all_kinds_is_sent_once_and_the_second_time_it_is_known(ingest: Ingest) -> None:
    folder = ingest.folder / "in"
    folder.mkdir()
    (folder / "a.ndjson").write_text("\n".join(json.dumps({**EVENT, "id": str(n)}) for n in range(3)), "utf-8")
    (folder / "b.json").write_text(json.dumps({"dataValues": [VALUE, {**VALUE, "orgUnit": "99999"}]}), "utf-8")
    (folder / "c.docx").write_text("x", "utf-8")
    (folder / "d.json").write_text(json.dumps({"dataValues": [{"ho_ten": "x"}]}), "utf-8")
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.writestr("f.json", json.dumps([{**EVENT, "id": "f"}]))
        archive.writestr(
            "g.csv", "dataelement,period,orgunit,value,lastupdated\nSddThapCoi1,202409,06208,5,2024-10-02\n"
        )

    status, first = await ingest.run_json(str(folder))
    _, again = await ingest.run_json(str(folder))

    counts = {Path(file["file"]).name: (file["rows"], file["quarantined"]) for file in first["files"]}
    assert status == 2
    assert counts == {
        "a.ndjson": (3, 0), "b.json": (2, 1), "d.json": (0, 0), "e.zip!f.json": (1, 0), "e.zip!g.csv": (1, 0),
    }  # fmt: skip
    assert "single persons" in next(file["problem"] for file in first["files"] if file["problem"])
    assert first["files"][1]["conflicts"][0]["place"] == "dataValues[1]"
    assert [Path(file["file"]).name for file in first["skipped"]] == ["c.docx"]
    assert again["duplicates"] == 6
    assert again["accepted"] == again["updated"] == again["stale"] == 0


async def test_a_dry_run_asks_the_ingest_and_so_knows_duplicates(ingest: Ingest) -> None:
    file = ingest.folder / "a.json"
    file.write_text(json.dumps({"dataValues": [VALUE]}), "utf-8")

    first = await ingest.run_json(str(file), "--dry-run")
    sent = await ingest.run_json(str(file))
    again = await ingest.run_json(str(file), "--dry-run")

    assert [(status, document["accepted"], document["duplicates"]) for status, document in (first, sent, again)] == [
        (0, 1, 0), (0, 1, 0), (0, 0, 1),
    ]  # fmt: skip
    assert first[1]["knows_duplicates"] is True


async def test_many_lines_go_in_several_requests_and_keep_their_numbers(ingest: Ingest) -> None:
    file = ingest.folder / "a.ndjson"
    lines = [json.dumps({**EVENT, "id": str(number), "note": "x" * 900}) for number in range(6_000)]
    lines[5_500] = "{broken"
    file.write_text("\n".join(lines), "utf-8")

    status, out, err = await ingest.run(str(file))

    assert status == 1, err
    assert f"{file}, line 5501: malformed_json" in out.replace("\n", "")


async def test_an_atomic_import_with_a_conflict_takes_nothing(ingest: Ingest) -> None:
    file = ingest.folder / "a.json"
    file.write_text(json.dumps({"dataValues": [VALUE, {**VALUE, "orgUnit": "99999"}]}), "utf-8")

    status, document = await ingest.run_json(str(file), "--atomic")

    assert (status, document["accepted"], document["refused"]) == (1, 0, 2)


async def test_a_wrong_token_is_told_with_its_remedy(ingest: Ingest) -> None:
    file = ingest.folder / "a.json"
    file.write_text(json.dumps(EVENT), "utf-8")
    ingest.token = "dcn_wrong"

    status, _, err = await ingest.run(str(file))

    assert status == 1
    assert "(401)" in err
    assert "Traceback" not in err
