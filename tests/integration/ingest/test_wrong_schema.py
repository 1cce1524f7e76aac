"""A database of another version answers, so it is no outage: the sender is not asked to repeat for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from shared.runtime.database import LACKS_TABLES, is_outage, is_wrong_schema

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]


async def change(service: Any, statement: str) -> None:
    async with service.application.engine.begin() as connection:
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        pytest.param("ALTER TABLE ingest.request DROP COLUMN file_name", "ingest.request.file_name", id="a column"),
        pytest.param("DROP TABLE ingest.token", "ingest.token.id", id="a table"),
    ],
)
async def test_a_database_without_the_tables_of_this_version_is_a_failure_and_not_ready(
    service: Any, an_event: Event, statement: str, column: str
) -> None:
    before = await service.client.get("/readyz")
    await change(service, statement)

    answer = await service.post(an_event(1))
    ready = await service.client.get("/readyz")

    assert before.json()["checks"]["schema"] == "ok"
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:datchuan:problem:internal")
    assert "retry-after" not in answer.headers
    assert "Tell the operator" in answer.json()["remedy"]
    assert ready.status_code == 503
    assert ready.json()["checks"]["schema"] == f"{LACKS_TABLES} (no {column})"


async def test_a_loop_waits_for_the_right_schema_and_a_caller_is_told(service: Any) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught:
        await service.rows("SELECT * FROM ingest.no_such_table")

    assert is_wrong_schema(caught.value)
    assert is_outage(caught.value)
    assert not is_wrong_schema(ConnectionResetError())
    assert is_outage(ConnectionResetError())
