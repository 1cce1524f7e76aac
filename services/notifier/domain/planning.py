"""From news to ledger entries: who is told of it, in which role, by which clause, at which address."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.notifier.domain.alerts import AlertKey, NoticeKind, Step
from services.notifier.domain.ledger import Entry, LedgerStatus, UnroutableReason
from services.notifier.domain.policy import TOLD_OF_NO_LEAD, Windows, is_wanted
from services.notifier.domain.route import Assignment, Routing, addresses_for, route, route_rollup
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel, NodeKind, Role, VerdictStatus
from shared.contracts.wire import VerdictChanged

# For a unit of a newer catalog than this process has: kept as unroutable, not lost.
_NOWHERE = Routing(None, (), ())


@dataclass(frozen=True, slots=True)
class Plan:
    """The entries to write, and how many of the news have no lead unit in the dispatch."""

    entries: list[Entry]
    no_lead: int


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans notifications by one catalog."""

    catalog: Catalog
    windows: Windows

    def plan(self, steps: Iterable[Step], rollups: Iterable[VerdictChanged]) -> Plan:
        """Return the entries for what happened to alerts and to the health parts of standards."""
        entries: list[Entry] = []
        routings: dict[tuple[AlertKey, dt.date], Routing] = {}
        no_lead = 0
        for step in steps:
            if step.notice is not None and step.notice is not NoticeKind.CLOSED:
                asked = (step.alert.key, step.as_of)
                if asked not in routings:
                    routings[asked] = self._routing(step)
                routing = routings[asked]
                no_lead += bool(routing.dispatch and routing.gaps)
                entries += self._entries(_entry_of(step, step.notice, self.windows), routing)
        for change in rollups:
            if is_announced(change):
                known = change.unit in self.catalog.unit_by_id
                routing = route_rollup(self.catalog, change.unit, change.as_of) if known else _NOWHERE
                entries += self._entries(_entry_of_rollup(change, self.windows), routing)
        return Plan(entries, no_lead)

    def _routing(self, step: Step) -> Routing:
        key = step.alert.key
        if key.unit not in self.catalog.unit_by_id:
            return _NOWHERE
        indicator = indicator_of(self.catalog, key.node, step.as_of)
        if indicator is None:
            return route_rollup(self.catalog, key.unit, step.as_of)
        return route(self.catalog, key.unit, indicator, key.cell, step.as_of)

    def _entries(self, news: Entry, routing: Routing) -> list[Entry]:
        """Return one entry per assignment and address, and one per assignment or news that nobody can be told."""
        if routing.dispatch is None:
            return [_unroutable(news, UnroutableReason.NO_DISPATCH)]
        news = replace(news, dispatch=routing.dispatch.id)
        wanted = [each for each in routing.assignments if is_wanted(each.role, news.kind)]
        if not wanted:
            return [_unroutable(news, UnroutableReason.NO_ASSIGNMENT)]
        left_open = " ".join(gap.what_vi for gap in routing.gaps) or None
        reached: list[Entry] = []
        unreachable: list[Entry] = []
        for assignment in wanted:
            gap = left_open if assignment.role in TOLD_OF_NO_LEAD else None
            found = self._addressed(_assigned(replace(news, gap_vi=gap), assignment))
            (reached if found[0].status is LedgerStatus.WAITING else unreachable).extend(found)
        silent = tuple(dict.fromkeys(entry.responsible_unit for entry in unreachable))
        return [
            replace(entry, no_address_units=silent) if entry.role is Role.CONSOLIDATING else entry for entry in reached
        ] + unreachable

    def _addressed(self, entry: Entry) -> list[Entry]:
        places = places_of(self.catalog, entry.dispatch or "", entry.responsible_unit, entry.unit)
        found = [replace(entry, channel=channel, address=address) for channel, address in places]
        return found or [_unroutable(entry, UnroutableReason.NO_ADDRESS)]


def indicator_of(catalog: Catalog, node: str, on: dt.date) -> str | None:
    """Return the key of the indicator that a chỉ tiêu judges: by the rule in force, else by any rule it ever had."""
    rule = catalog.rule_for(node, on) or next((rule for rule in catalog.rules if rule.node == node), None)
    return None if rule is None else rule.indicator


def is_announced(change: VerdictChanged) -> bool:
    """Return whether a roll-up change is told: the health part of a standard becomes met, or stops being met."""
    return change.node_kind is NodeKind.STANDARD and (
        (change.from_status is VerdictStatus.MET) is not (change.to_status is VerdictStatus.MET)
    )


def places_of(catalog: Catalog, dispatch: str, responsible_unit: str, unit: str) -> list[tuple[Channel, str]]:
    """Return every channel and address at which a responsible unit is told of a unit, by this catalog."""
    address = addresses_for(catalog, dispatch, responsible_unit, unit)
    if address is None:
        return []
    places = [(Channel.MAIL, mail) for mail in address.mail]
    if address.webhook:
        places.append((Channel.WEBHOOK, address.webhook))
    if address.console:
        place = f"{dispatch}/{responsible_unit}"
        places.append((Channel.CONSOLE, f"{place}/{address.commune}" if address.commune else place))
    return places


def _assigned(news: Entry, assignment: Assignment) -> Entry:
    return replace(
        news,
        responsible_unit=assignment.responsible_unit.id,
        role=assignment.role,
        clauses=tuple(clause.id for clause in assignment.clauses),
    )


def _unroutable(news: Entry, reason: UnroutableReason) -> Entry:
    return replace(news, status=LedgerStatus.UNROUTABLE, reason=reason)


def _entry_of(step: Step, notice: NoticeKind, windows: Windows) -> Entry:
    key = step.alert.key
    return Entry(
        subject=step.subject,
        kind=notice,
        alert_id=step.alert.id,
        unit=key.unit,
        node=key.node,
        cell=key.cell,
        as_of=step.as_of,
        cause=step.cause,
        sequence=0,
        wait_seconds=windows.wait_for(notice, step.alert.opened_as),
    )


def _entry_of_rollup(change: VerdictChanged, windows: Windows) -> Entry:
    return Entry(
        subject=f"rollup:{change.sequence}",
        kind=NoticeKind.ROLLUP,
        alert_id=None,
        unit=change.unit,
        node=change.node,
        cell="",
        as_of=change.as_of,
        cause=change.cause,
        sequence=change.sequence,
        wait_seconds=windows.wait_for(NoticeKind.ROLLUP, None),
    )
