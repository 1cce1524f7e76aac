"""What must be true after every fault, from the sender's own list and from what the tables say of each other."""

import datetime as dt
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from datchuan.verification import Verification, verify
from services.notifier.adapters.queries import ledger_counts
from services.notifier.adapters.releasing import release
from shared.contracts.wire import IndicatorReported, decode_indicator_reported
from shared.runtime.database import is_outage
from shared.testing.polling import until
from tests.chaos.reports import NODE, Report
from tests.chaos.world import World

_WAITING = "SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL"
_CHAINS = """
SELECT count(*) FROM (
    SELECT from_status, from_reason, lag(to_status) OVER line AS status, lag(to_reason) OVER line AS reason
      FROM evaluator.transition WINDOW line AS (PARTITION BY unit, node ORDER BY id)) AS pairs
 WHERE status IS NOT NULL AND (from_status, from_reason) IS DISTINCT FROM (status, reason)
"""
# A chain may hold together and still not end where the verdict stands, or not be the verdict's own.
_LOOSE_ENDS = """
SELECT count(*) FROM (
    SELECT DISTINCT ON (unit, node) unit, node, id, to_status, to_reason FROM evaluator.transition
     ORDER BY unit, node, id DESC) AS last
  FULL JOIN evaluator.verdict AS v USING (unit, node)
 WHERE v.transition IS DISTINCT FROM coalesce(last.id, 0)
    OR (last.id IS NOT NULL AND (v.status, v.reason) IS DISTINCT FROM (last.to_status, last.to_reason))
"""
_TWICE_IN_LEDGER = """
SELECT coalesce(sum(n - 1), 0) FROM (
    SELECT count(*) AS n FROM notifier.ledger WHERE status NOT IN ('superseded', 'unroutable')
     GROUP BY subject, kind, responsible_unit, role, channel, address HAVING count(*) > 1) AS twice
"""
# What opened or was put right, and of which the ledger knows nothing at all.
_UNTOLD = """
SELECT count(*) FROM notifier.alert AS a, (VALUES ('opened'), ('resolved')) AS notice (kind)
 WHERE (notice.kind = 'opened' OR a.end_reason = 'met')
   AND NOT EXISTS (SELECT FROM notifier.ledger AS l WHERE l.alert_id = a.id
                      AND (l.kind = notice.kind
                           OR (notice.kind = 'opened' AND l.kind IN ('ruleset_change', 'flapping'))))
"""
_PAGES = "SELECT reports FROM evaluator.fact_page"
_KEPT = "SELECT payload FROM messaging.mailbox WHERE handled_at IS NOT NULL"
_decode_page = msgspec.json.Decoder(list[IndicatorReported]).decode
_NEVER = (dt.datetime.min.replace(tzinfo=dt.UTC), "")
_TO_BE_TOLD = "SELECT count(*) FROM notifier.ledger WHERE status NOT IN ('superseded', 'unroutable', 'recorded')"
_TOLD = """
SELECT count(*) FROM notifier.ledger AS l JOIN notifier.delivery AS d ON d.id = l.delivery_id
 WHERE l.status = 'sent' AND d.status = 'sent' AND d.message_id = ANY(CAST(:received AS text[]))
"""
_BREACHES = "SELECT unit, cell FROM notifier.alert WHERE node = :node AND kind = 'breach' AND ended_at IS NULL"


@dataclass
class Findings:
    """What is wrong, in numbers that must be 0 or equal, and where the first of it is."""

    events: int = 0
    lost: int = 0
    wrong_facts: int = 0
    wrong_verdicts: int = 0
    broken_chains: int = 0
    alerts_issued: int = 0
    alerts_sent: int = 0
    alerts_duplicated_in_ledger: int = 0
    mails_unknown_to_ledger: int = 0
    mails_sent_again: int = 0
    transitions: int = 0
    dead_letters: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Tell whether nothing is lost, wrong, untold or told twice."""
        wrong = (
            self.lost,
            self.wrong_facts,
            self.wrong_verdicts,
            self.broken_chains,
            self.alerts_duplicated_in_ledger,
            self.mails_unknown_to_ledger,
        )
        return not any(wrong) and self.alerts_issued == self.alerts_sent

    def as_json(self) -> dict[str, Any]:
        """Return the numbers, and the examples when there are any."""
        return {name: value for name, value in asdict(self).items() if value != []}


async def come_to_rest(world: World) -> None:
    """Let the sender post everything again, as after every doubt, and wait until nothing is under way."""
    await world.sender.pause()
    await world.sender.repost_everything()
    await settle(world)


async def settle(world: World) -> None:
    """Let go what is held back, and wait until nothing is under way: no message, no news, no unfinished mail waits."""
    await until(lambda: _is_settled(world), timeout=60, what="everything is worked off", interval=0.1)


async def _is_settled(world: World) -> bool:
    try:
        # The mailbox before the ledger: what leaves the one is in the other by then, so nothing is overlooked.
        waiting = await world.number(_WAITING)
        ledger = await ledger_counts(world.engine)
        if ledger.held:
            # News of a cell that flaps waits for a day: an operator lets it go, and it must get through all the same.
            await release(world.engine, by="chaos")
    except Exception as error:
        if not is_outage(error):
            raise
        return False
    return not any((waiting, ledger.held, ledger.under_way))


async def check(world: World) -> Findings:
    """Compare everything with everything, once nothing is under way."""
    found = Findings(events=len(world.sender.acknowledged))
    await _check_journal(world, found)
    await _check_state(world, found)
    await _check_news(world, found)
    return found


async def _check_journal(world: World, found: Findings) -> None:
    """Every acknowledged report stands in the journal once, and nothing else does."""
    journal = Counter(row["event_id"] for row in await world.rows("SELECT event_id FROM ingest.journal"))
    missing = world.sender.acknowledged.keys() - journal.keys()
    foreign = journal.keys() - world.sender.acknowledged.keys()
    twice = sum(journal.values()) - len(journal)
    # A report that a second posting found to be new was acknowledged before and forgotten since.
    found.lost = len(missing) + world.sender.taken_twice
    found.wrong_facts += twice + len(foreign) + world.sender.set_aside
    found.examples += [f"not in the journal: {name}" for name in sorted(missing)[:3]]


async def _check_state(world: World, found: Findings) -> None:
    """Facts, verdicts and transitions are what the reports make."""
    verified = await _verify(world)
    kinds = Counter(difference.kind for difference in verified.differences)
    newest = _newest(list(world.sender.acknowledged.values()))
    found.wrong_facts += kinds["fact"] + len(await _wrong_facts(world, newest))
    found.wrong_verdicts = kinds.total() - kinds["fact"] + await _wrong_verdicts(world, newest)
    found.broken_chains = await world.number(_CHAINS) + await world.number(_LOOSE_ENDS)
    found.transitions = await world.number("SELECT count(*) FROM evaluator.transition")
    found.dead_letters = await world.number("SELECT count(*) FROM messaging.dead_letter")
    found.examples += [str(difference) for difference in verified.differences[:3]]


async def _check_news(world: World, found: Findings) -> None:
    """What was to be told is told, once, and the mail server knows no news that the ledger does not."""
    received = world.mail.received()
    ids = {mail.message_id for mail in received}
    known = {row["message_id"] for row in await world.rows("SELECT message_id FROM notifier.delivery")}
    found.alerts_issued = await world.number(_TO_BE_TOLD) + await world.number(_UNTOLD)
    found.alerts_sent = await world.number(_TOLD, received=sorted(ids))
    # The same text to the same address under two ids is news told twice, whatever the ledger believes.
    digests = {mail.digest for mail in received}
    told_twice = len({(mail.message_id, mail.digest) for mail in received}) - len(digests)
    found.alerts_duplicated_in_ledger = await world.number(_TWICE_IN_LEDGER) + told_twice
    found.mails_unknown_to_ledger = len(ids - known)
    found.mails_sent_again = len(received) - len(ids)


async def _verify(world: World) -> Verification:
    async def attempt() -> list[Verification]:
        try:
            return [await verify(world.engine, world.catalog)]
        except Exception as error:
            if not is_outage(error):
                raise
            return []

    return (await until(attempt, timeout=30, what="the recompute"))[0]


def _newest(reports: list[Report]) -> dict[tuple[str, str], Report]:
    newest: dict[tuple[str, str], Report] = {}
    for report in reports:
        key = (report.unit, report.cell)
        if key not in newest or report.observed_at > newest[key].observed_at:
            newest[key] = report
    return newest


async def _wrong_facts(world: World, newest: dict[tuple[str, str], Report]) -> set[tuple[str, str, str]]:
    """Return the cells of which another report than the newest is the fact.

    Facts are written behind: what is in no page yet is in the handled messages, which are read first.
    """
    reports = [r for row in await world.rows(_KEPT) for r in decode_indicator_reported(row["payload"]).events]
    reports += [r for row in await world.rows(_PAGES) for r in _decode_page(row["reports"])]
    stored: dict[tuple[str, str], tuple[dt.datetime, str]] = {}
    for report in reports:
        key = (report.unit, report.cell)
        stored[key] = max(stored.get(key, _NEVER), (report.observed_at, report.event_id))
    return {(*key, event_id) for key, (_, event_id) in stored.items()} ^ {(*k, r.id) for k, r in newest.items()}


async def _wrong_verdicts(world: World, newest: dict[tuple[str, str], Report]) -> int:
    """Count the communes whose chỉ tiêu on health insurance, and the cells whose alert, is not what the reports say."""
    bad_cells = {key for key, report in newest.items() if not report.is_good}
    rows = await world.rows("SELECT unit, status FROM evaluator.verdict WHERE node = :node", node=NODE)
    stored = {(row["unit"], row["status"]) for row in rows}
    bad_units = {unit for unit, _ in bad_cells}
    expected = {(unit, "not_met" if unit in bad_units else "met") for unit, _ in newest}
    alerts = {(row["unit"], row["cell"]) for row in await world.rows(_BREACHES, node=NODE)}
    return len(expected - stored) + len(alerts ^ bad_cells)
