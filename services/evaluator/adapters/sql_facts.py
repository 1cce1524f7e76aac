"""Facts in the store: pages of reports of one unit, appended by COPY and merged when a unit has gathered many.

A page is never changed. A fact may stand in several pages of its unit; its newest report by (observed_at, seq) counts,
whoever reads takes that one.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters.copying import copy_in
from services.evaluator.domain.behind import Page
from services.evaluator.domain.outcome import FactKey
from services.evaluator.domain.pages import merged
from services.evaluator.domain.recompute import keep_newest
from shared.contracts.wire import IndicatorReported, encode

_COLUMNS = ("unit", "reports")
_OF_UNITS = text("SELECT unit, reports FROM evaluator.fact_page WHERE unit = ANY(CAST(:units AS text[]))")
_ALL = text("SELECT unit, reports FROM evaluator.fact_page")
_SIZES = text(
    "SELECT unit, id, octet_length(reports) AS size FROM evaluator.fact_page WHERE unit = ANY(CAST(:units AS text[])) "
    "ORDER BY unit, size, id"
)
_TAKE = text(
    "DELETE FROM evaluator.fact_page USING unnest(CAST(:units AS text[]), CAST(:ids AS bigint[])) AS taken (unit, id) "
    "WHERE fact_page.unit = taken.unit AND fact_page.id = taken.id RETURNING fact_page.reports"
)
_decode = msgspec.json.Decoder(list[IndicatorReported]).decode


async def write(connection: AsyncConnection, pages: Iterable[Page]) -> None:
    """Append pages."""
    rows = b"".join([b"%b\t%b\n" % (page[0].unit.encode(), encode(page)) for page in pages])
    if rows:
        # COPY takes only the backslash for something else: JSON and ids hold no control characters.
        source = rows.replace(b"\\", b"\\\\") if b"\\" in rows else rows
        await copy_in(connection, "fact_page", _COLUMNS, source, schema="evaluator")


async def read(connection: AsyncConnection, units: Sequence[str] | None = None) -> AsyncIterator[Page]:
    """Yield the stored pages of some units, or all, without holding more of them than a few."""
    parameters = {} if units is None else {"units": units}
    async with connection.stream(_ALL if units is None else _OF_UNITS, parameters) as rows:
        async for row in rows:
            yield _decode(row.reports)


async def merge(connection: AsyncConnection, units: Iterable[str]) -> None:
    """Merge pages of the given units where that is worth it; of reports of one fact the newest stays."""
    sizes: dict[str, list[tuple[int, int]]] = {}
    for row in await connection.execute(_SIZES, {"units": sorted(units)}):
        sizes.setdefault(row.unit, []).append((row.size, row.id))
    taken = [(unit, page) for unit, pages in sizes.items() for page in merged(pages)]
    if not taken:
        return
    rows = await connection.execute(_TAKE, {"units": [unit for unit, _ in taken], "ids": [page for _, page in taken]})
    facts: dict[FactKey, IndicatorReported] = {}
    for reports in rows.scalars():
        keep_newest(facts, _decode(reports))
    await write(connection, _by_unit(facts))


def _by_unit(facts: Mapping[FactKey, IndicatorReported]) -> list[Page]:
    pages: dict[str, list[IndicatorReported]] = {}
    for report in facts.values():
        pages.setdefault(report.unit, []).append(report)
    return [pages[unit] for unit in sorted(pages)]
