"""Tells stale reports and corrections apart from new ones: the newest moment at which each fact was observed."""

import datetime as dt
import hashlib
from typing import Final

import msgspec

from services.ingest.adapters.driver import Statement
from services.ingest.adapters.fresh import Fresh, Run
from services.ingest.domain.reading import Draft
from shared.contracts.wire import IndicatorReported
from shared.runtime.database import Driver

# Sorted keys: two transactions that meet wait for one another instead of deadlocking. A fact that is known with a newer
# moment is not updated, and so not returned: its report is stale. A new row has no xmax.
_OBSERVE: Final = Statement(
    "INSERT INTO ingest.newest AS known (fact, observed_at) "
    "SELECT fact, observed_at FROM unnest(CAST(:facts AS bytea[]), CAST(:moments AS timestamptz[])) "
    "AS given (fact, observed_at) ORDER BY fact "
    "ON CONFLICT (fact) DO UPDATE SET observed_at = excluded.observed_at "
    "WHERE known.observed_at <= excluded.observed_at RETURNING fact, (xmax = 0) AS is_new"
)


class _Seen(msgspec.Struct, gc=False):
    run: Run
    draft: Draft
    observed_at: dt.datetime


async def tell_newest(driver: Driver, fresh: Fresh) -> None:
    """Count among the fresh reports of imports those that correct a known fact, and those older than what is known.

    Only imports are told, and only what imports have brought is known here: the verdicts never depend on it.
    """
    by_fact: dict[bytes, list[_Seen]] = {}
    for submission, run in zip(fresh.batch, fresh.runs, strict=True):
        for draft in run.drafts if submission.is_import else ():
            event = draft.event
            by_fact.setdefault(fact_key(event), []).append(_Seen(run, draft, event.observed_at))
    if not by_fact:
        return
    newest = {fact: max(seen.observed_at for seen in reports) for fact, reports in by_fact.items()}
    rows = await _OBSERVE.run(driver, {"facts": list(newest), "moments": list(newest.values())})
    known = {bytes(fact): is_new for fact, is_new in rows}
    for fact, reports in by_fact.items():
        _count(reports, newest[fact], known.get(fact))


def fact_key(event: IndicatorReported) -> bytes:
    """Return what makes two reports speak of the same part of the same fact, whoever sends them."""
    text = f"{event.unit}\t{event.indicator}\t{event.cell}\t{event.period_start}\t{event.period_end}\t{event.part}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _count(reports: list[_Seen], newest: dt.datetime, is_new: bool | None) -> None:
    for seen in reports:
        rows = 1 + len(seen.draft.mates)
        if is_new is None or seen.observed_at < newest:
            seen.run.receipt.stale_rows += rows
            seen.run.receipt.deleted_rows -= rows if seen.draft.deleted else 0
        elif not is_new and not seen.draft.deleted:
            seen.run.receipt.updated_rows += rows
        is_new = is_new and seen.observed_at < newest
