"""Completes the ids of reports whose sender gives neither id nor time: by whether the value of the fact has changed."""

from typing import Final

import msgspec

from services.ingest.adapters.driver import Statement
from services.ingest.adapters.fresh import Fresh, Run
from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.identity import Arrival, arrival_id
from services.ingest.domain.reading import Draft, draft
from shared.runtime.database import Driver

# Sorted keys: two transactions that meet wait for one another instead of deadlocking. A key of which the same is said
# as last time is not updated, and so not returned: its report is a replay. Half of a ratio changes only that half. What
# was received before the last word (in a slower request, by a clock that went back, or read again by a retry) gets
# an id, but the newer word stays the last one, as it does for the evaluator: said again later, it is no replay.
_ARRIVE: Final = Statement(
    "INSERT INTO ingest.arrival AS known (source, key, numerator, denominator, received_at, generation) "
    "SELECT source, key, numerator, denominator, received_at, 1 "
    "FROM unnest(CAST(:sources AS text[]), CAST(:keys AS text[]), CAST(:numerators AS text[]), "
    "CAST(:denominators AS text[]), CAST(:received AS timestamptz[])) "
    "AS given (source, key, numerator, denominator, received_at) ORDER BY source, key "
    "ON CONFLICT (source, key) DO UPDATE SET generation = known.generation + 1, "
    "numerator = CASE WHEN excluded.received_at < known.received_at THEN known.numerator "
    "ELSE coalesce(excluded.numerator, known.numerator) END, "
    "denominator = CASE WHEN excluded.received_at < known.received_at THEN known.denominator "
    "ELSE coalesce(excluded.denominator, known.denominator) END, "
    "received_at = greatest(known.received_at, excluded.received_at) "
    "WHERE coalesce(known.numerator <> excluded.numerator, excluded.numerator IS NOT NULL) "
    "OR coalesce(known.denominator <> excluded.denominator, excluded.denominator IS NOT NULL) "
    "RETURNING source, key, generation"
)

_Waiting = tuple[Run, str, Draft]
# Each further value of one fact in a batch costs a round trip.
_MAX_ROUNDS: Final = 1_000


async def complete_arrivals(driver: Driver, fresh: Fresh) -> None:
    """Give every waiting report its id and sort it in; the same fact twice in a batch is taken in order."""
    waiting = _without_repetitions(fresh.arrivals)
    for _ in range(_MAX_ROUNDS + 1):
        if not waiting:
            return
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
    raise BodyTooLargeError(f"More than {_MAX_ROUNDS} values of one fact, none with a time: send the last one alone.")


def _without_repetitions(waiting: list[_Waiting]) -> list[_Waiting]:
    """Return the reports without those that only say again what the one before them said of the same fact."""
    last: dict[tuple[str, str], Arrival] = {}
    kept: list[_Waiting] = []
    for item in waiting:
        run, source, arrived = item
        if arrived.arrival is not None:
            key = (source, arrived.arrival.key)
            if last.get(key) == arrived.arrival:
                run.receipt.count_duplicate(arrived)
                continue
            last[key] = arrived.arrival
        kept.append(item)
    return kept


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
        "numerators": [item.arrival.numerator for _, _, item in arrived.values() if item.arrival is not None],
        "denominators": [item.arrival.denominator for _, _, item in arrived.values() if item.arrival is not None],
        "received": [item.arrival.received_at for _, _, item in arrived.values() if item.arrival is not None],
    }
    rows = await _ARRIVE.run(driver, parameters)
    return {(source, key): generation for source, key, generation in rows}
