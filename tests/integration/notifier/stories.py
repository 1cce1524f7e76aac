"""Random stories of many communes, and whether everybody who is told anything hears in the end how it stands."""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.silence_store import SqlSilences, new_silence_id
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.silence_requests import WantedSilence
from services.notifier.domain.silences import Silence
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Cause, ChangeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged
from shared.testing.clocks import ManualClock
from shared.testing.verdicts import MORNING, a_cell, a_change, a_silent_cell
from tests.integration.notifier.desk import Desk

_DISTRICT = "183"
_MEN = a_cell("male", 1200, 1250)
_FOUND: dict[str, tuple[CellFinding, ...]] = {
    "women fail": (_MEN, a_cell("female")),
    "both fail": (a_cell("male", 1100, 1250), a_cell("female")),
    "met": (_MEN, a_cell("female", 1176)),
    "met, but only just": (_MEN, a_cell("female", 1163)),
    "nothing": tuple(a_silent_cell(cell, VerdictReason.NO_DATA) for cell in ("male", "female")),
    "half": (_MEN, a_silent_cell("female")),
    "no longer judged": (),
}
_OFTEN = {"women fail": 4, "both fail": 2, "met": 5, "met, but only just": 2, "nothing": 3, "half": 2}
_BEGINNINGS = frozenset({"opened", "flapping", "ruleset_change", "data_lost", "escalated"})
# By policy told of escalations and of no end; of escalations and their end; never of new rules.
_NOT_TOLD_OF_ENDS = frozenset({"informed"})
_TOLD_OF_ESCALATIONS = frozenset({"superior"})
_LEFT_ALONE_WITH_NEW_RULES = frozenset({"data"})

Told = tuple[Any, ...]


class Story:
    """What happens to the communes of a district: the same for the same seed. The mail leaves now and then only."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._clock = ManualClock(MORNING)
        self.desk = Desk(engine, catalog, self._clock)
        self._silences = SqlSilences(engine, catalog, self._clock)
        self._communes = [unit.id for unit in catalog.units if unit.parent == _DISTRICT]
        self._stands = dict.fromkeys(self._communes, (VerdictStatus.MET, VerdictReason.TARGET_MET))
        self._changes: Counter[str] = Counter()
        self._late: list[VerdictChanged] = []
        self._silent: list[str] = []
        self._mails = 0

    async def happen(self, days: int) -> None:
        """Let changes, silences and acknowledgements come for so many days."""
        end = self._clock.now() + dt.timedelta(days=days)
        while self._clock.now() < end:
            await self._tell_changes()
            await self._silence()
            while await self.desk.timekeeper.fire_due():
                pass
            await self._acknowledge()
            if self._random.random() < 0.7:
                await self._send()
            await self._pass(self._random.choice([0.2, 1, 3, 8, 14, 26, 50]))

    async def let_everything_leave(self) -> None:
        """Let so much time pass that nothing is held any more, and send it."""
        for _ in range(3):
            await self._pass(24 * 120)
            await self._silences.follow()
            await self._send()

    async def _tell_changes(self) -> None:
        told = [self._change(unit) for unit in self._some(self._communes, 8) for _ in range(self._random.randint(1, 2))]
        late = {place for place, _ in enumerate(told) if self._random.random() < 0.05}
        batch = [change for place, change in enumerate(told) if place not in late]
        if self._late and self._random.random() < 0.3:
            batch.append(self._late.pop(0))
        self._late += [told[place] for place in late]
        if batch:
            await self.desk.tell(*batch)

    def _change(self, unit: str) -> VerdictChanged:
        often = _OFTEN | {"no longer judged": 1}
        (what,) = self._random.choices(list(often), list(often.values()))
        self._changes[unit] += 1
        from_status, from_reason = self._stands[unit]
        moment = self._clock.now() + dt.timedelta(seconds=self._changes[unit])
        fields: dict[str, Any] = {
            "unit": unit,
            "occurred_at": moment,
            "as_of": moment.astimezone(VIET_NAM).date(),
            "from_status": from_status,
            "from_reason": from_reason,
            "cause": Cause.RULESET if self._random.random() < 0.06 else Cause.DATA,
        }
        if not _FOUND[what]:
            fields |= {"to": VerdictStatus.NOT_APPLICABLE, "to_reason": VerdictReason.RULE_ENDED}
        elif what.startswith("met") and from_status is VerdictStatus.MET:
            fields["kind"] = ChangeKind.EVIDENCE
        change = a_change(self._changes[unit], *_FOUND[what], **fields)
        self._stands[unit] = change.to_status, change.to_reason
        return change

    async def _silence(self) -> None:
        now = self._clock.now()
        if self._random.random() < 0.2:
            begins = now + dt.timedelta(hours=self._random.choice([0, 0, 5]))
            ends = now + dt.timedelta(hours=self._random.randint(6, 90))
            units = frozenset(self._some(self._communes, 5))
            silence = Silence(new_silence_id(), "Bà Hoa", "Bảo trì", begins, ends, units=units)
            await self._silences.add([WantedSilence(silence, None)])
            self._silent.append(silence.id)
        if self._silent and self._random.random() < 0.15:
            place = self._random.randrange(len(self._silent))
            await self._silences.end(self._silent.pop(place), "Ông Nam", "Xong")
        await self._silences.follow()

    async def _acknowledge(self) -> None:
        if self._random.random() < 0.25:
            rows = await self.desk.query("SELECT id FROM notifier.alert WHERE ended_at IS NULL ORDER BY id")
            found = self._some([row[0] for row in rows], 3)
            courses = self.desk.courses
            does = courses.acknowledge if self._random.random() < 0.7 else courses.unacknowledge
            await does(found, "Bà Hoa", "cli", self._clock.now())

    async def _send(self) -> None:
        """Take what is due away as one mail to each address would; the mails are numbered in their order."""
        self._mails += 1
        due = "status = 'waiting' AND due_at <= now() + interval '5 seconds'"
        await self.desk.query(
            f"UPDATE notifier.ledger SET status = 'sent', delivery_id = :mail WHERE {due}", mail=f"{self._mails:05}"
        )

    async def _pass(self, hours: float) -> None:
        self._clock.advance(dt.timedelta(hours=hours))
        earlier = "make_interval(secs => :seconds)"
        await self.desk.query(
            f"UPDATE notifier.ledger SET due_at = due_at - {earlier}, own_due_at = own_due_at - {earlier}"
            " WHERE status = 'waiting'",
            seconds=hours * 3600,
        )

    def _some(self, among: list[str], most: int) -> list[str]:
        return self._random.sample(among, min(len(among), self._random.randint(1, most)))


async def what_is_wrong_with(desk: Desk) -> list[Told]:
    """Return what still waits, and whoever heard last of a chỉ tiêu what is not how it stands."""
    waiting = await desk.query("SELECT alert_id, kind, held_for FROM notifier.ledger WHERE status = 'waiting'")
    rows = await desk.query(
        "SELECT a.unit || a.node || a.cell, l.responsible_unit || l.role || l.address, l.role, a.occurrence, l.kind,"
        " l.status, coalesce(l.delivery_id, ''), l.id FROM notifier.ledger AS l JOIN notifier.alert AS a"
        " ON a.id = l.alert_id WHERE a.opened_as <> 'at_risk' AND l.address <> ''"
    )
    ends = await desk.query(
        "SELECT DISTINCT ON (unit, node, cell) unit || node || cell, coalesce(end_reason, 'open'), opened_cause"
        " FROM notifier.alert WHERE opened_as <> 'at_risk' ORDER BY unit, node, cell, occurrence DESC"
    )
    stands = {cell: (end, cause) for cell, end, cause in ends}
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for cell, who, *row in rows:
        told[cell, who].append(tuple(row))
    return [
        *waiting,
        *(found for (cell, who), each in told.items() for found in _wrong(cell, who, each, *stands[cell])),
    ]


def _wrong(cell: str, who: str, told: list[Told], end: str, cause: str) -> Iterable[Told]:
    role = told[0][0]
    sent = [row for row in told if row[3] == "sent" and row[2] in {*_BEGINNINGS, "resolved"}]
    last = max(sent, key=lambda row: (row[4], row[1], row[2] == "resolved", row[5]), default=None)
    if role in _NOT_TOLD_OF_ENDS:
        return
    if end == "open":
        may_not_know = role in _TOLD_OF_ESCALATIONS or (cause == "ruleset" and role in _LEFT_ALONE_WITH_NEW_RULES)
        if (last is None or last[2] == "resolved") and not may_not_know:
            yield "it goes on, unheard", cell, who, last
    elif last is not None and last[2] != "resolved" and not _is_closed(told, last):
        yield "it is over, unheard", cell, who, last


def _is_closed(told: list[Told], last: Told) -> bool:
    """Return whether the ledger says that the alert that was heard of, or one after it, was closed without a claim."""
    return any(row[2] == "closed" and row[1] >= last[1] for row in told)
