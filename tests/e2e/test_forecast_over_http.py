"""A dry run asked of the running product: it shows what then happens, and nothing has happened yet."""

import datetime as dt
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.stack.access import ensure_token
from datchuan.stack.folder import DataFolder
from datchuan.stack.stack import Stack, StackOptions
from services.evaluator.adapters import sql_read
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database
from shared.testing.polling import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

AS_OF = dt.date(2024, 10, 15)
NODE = ("06208", "xa_ntm/15.1")


@dataclass
class Product:
    """The running product, spoken to with the token of the source hmis."""

    http: httpx.AsyncClient
    engine: AsyncEngine

    async def post(self, men: int, women: int, query: str = "") -> dict[str, Any]:
        """Post cards of 1,000 men and of 1,000 women of Xã Thụy Hùng as DHIS2 does; return the summary."""
        options = {"GioiTinhNam": men, "GioiTinhNu0": women}
        values = [
            {
                "dataElement": element,
                "categoryOptionCombo": option,
                "orgUnit": "06208",
                "period": "202409",
                "value": str(cards if element == "BhytCoThe01" else 1000),
            }
            for option, cards in options.items()
            for element in ("BhytCoThe01", "BhytDanSo01")
        ]
        answer = await self.http.post(f"/api/dataValueSets{query}", json={"dataValues": values})
        assert answer.status_code == 200, answer.text
        summary: dict[str, Any] = answer.json()["response"]
        return summary

    async def becomes(self, status: str) -> None:
        """Wait until the chỉ tiêu has this status and its alerts are decided."""

        async def is_there() -> bool:
            async with self.engine.connect() as connection:
                found = (await sql_read.verdicts(connection)).get(NODE)
                waiting = "SELECT EXISTS (SELECT FROM messaging.mailbox WHERE handled_at IS NULL)"
                is_idle = not await connection.scalar(text(waiting))
            return found is not None and found.finding.status.value == status and is_idle

        await until(is_there, timeout=30, what=f"{NODE} is {status}")

    async def told(self) -> set[tuple[str, str, str, str]]:
        """Return node, cell, role and channel of all that was ever to be told, but for what the calendar brings."""
        told = "SELECT node, cell, role, channel FROM notifier.ledger WHERE kind NOT IN ('duty', 'report')"
        async with self.engine.connect() as connection:
            rows = await connection.execute(text(told))
            return {(row.node, row.cell, row.role, row.channel) for row in rows}


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    """The whole product on the day that the dispatch of the district is in force."""
    options = StackOptions(
        clock_offset_days=(AS_OF - SystemClock().today()).days, environment={"PATH": os.environ["PATH"]}
    )
    async with Stack(DataFolder(tmp_path / "stack"), options, lambda _line: None) as stack:
        token = await ensure_token(stack.folder, stack.addresses.database_url, "hmis")
        engine = create_database(SecretStr(stack.addresses.database_url), "test", pool_size=2)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=stack.url("ingest"), headers=headers, trust_env=False) as http:
            yield Product(http, engine)
        await engine.dispose()


async def test_a_dry_run_over_http_shows_who_is_then_told_and_leaves_everything_as_it_is(product: Product) -> None:
    await product.post(990, 990)  # well above all targets: what is close to one is told, too
    await product.becomes("met")

    rehearsed = (await product.post(990, 883, "?dryRun=true"))["forecast"]

    assert await product.told() == set()
    changed = {(v["unit"], v["node"]): (v["from_status"], v["to_status"], v["gap"]) for v in rehearsed["verdicts"]}
    assert changed[NODE] == ("met", "not_met", 17)
    assert (rehearsed["as_of"], rehearsed["note"]) == (AS_OF.isoformat(), "")

    await product.post(990, 883)
    await product.becomes("not_met")

    async def all_told() -> bool:
        return await product.told() != set()

    await until(all_told, timeout=30, what="the alert is routed")
    assert {(a["node"], a["cell"], a["role"], a["channel"]) for a in rehearsed["alerts"]} == await product.told()
