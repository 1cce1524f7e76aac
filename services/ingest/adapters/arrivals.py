"""Completes the ids of reports whose sender gives neither id nor time: by whether the value of the fact has changed."""

from typing import Final

import msgspec

from services.ingest.adapters.driver import Statement
from services.ingest.adapters.fresh import Fresh, Run
from services.ingest.domain.identity import arrival_id
from services.ingest.domain.reading import Draft, draft
from shared.runtime.database import Driver

# Sorted keys: two transactions that meet wait for one another instead of deadlocking. A key whose value is the same as
# last time is not updated, and so not returned: its report is a replay.
_ARRIVE: Final = Statement(
    "INSERT INTO ingest.arrival AS known (source, key, value, generation) "
    "SELECT source, key, value, 1 "
    "FROM unnest(CAST(:sources AS text[]), CAST(:keys AS text[]), CAST(:values AS text[])) "
    "AS given (source, key, value) ORDER BY source, key "
    "ON CONFLICT (source, key) DO UPDATE SET value = excluded.value, generation = known.generation + 1 "
    "WHERE known.value <> excluded.value RETURNING source, key, generation"
)

_Waiting = tuple[Run, str, Draft]


async def complete_arrivals(driver: Driver, fresh: Fresh) -> None:
    """Give every waiting report its id and sort it in; the same fact twice in a batch is taken in order."""
    waiting = fresh.arrivals
    while waiting:
        round_, waiting = _first_of_each(waiting)
        generations = await _arrive(driver, round_)
        for key, (run, source, arrived) in round_.items():
            generation = generations.get(key)
            if generation is None or arrived.arrival is None:
                run.receipt.count_duplicate(arrived)
                continue
            event_id = arrival_id(source, arrived.arrival, generation)
            event = msgspec.structs.replace(arrived.event, event_id=event_id)
            fresh.add(run, [draft(arrived.row, event, arrived.raw, mates=arrived.mates)])


def _first_of_each(waiting: list[_Waiting]) -> tuple[dict[tuple[str, str], _Waiting], list[_Waiting]]:
    first: dict[tuple[str, str], _Waiting] = {}
    later: list[_Waiting] = []
    for item in waiting:
        key = (item[1], item[2].arrival.key if item[2].arrival is not None else "")
        if key in first:
            later.append(item)
        else:
            first[key] = item
    return first, later


async def _arrive(driver: Driver, arrived: dict[tuple[str, str], _Waiting]) -> dict[tuple[str, str], int]:
    parameters = {
        "sources": [source for source, _ in arrived],
        "keys": [key for _, key in arrived],
        "values": [item.arrival.value if item.arrival is not None else "" for _, _, item in arrived.values()],
    }
    rows = await _ARRIVE.run(driver, parameters)
    return {(source, key): generation for source, key, generation in rows}
