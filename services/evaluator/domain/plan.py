"""Plans: the tree of verdicts for one kind of unit on one day, compiled from the catalog's rules."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from services.evaluator.domain.bands import Watch
from services.evaluator.domain.findings import Finding
from services.evaluator.domain.judges import ByCell
from services.evaluator.domain.leaves import Leaf, leaf_of
from services.evaluator.domain.slots import SlotTable
from services.evaluator.domain.targets import CellResult, JudgeCell
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import CommuneType, NodeKind


@dataclass(frozen=True, slots=True)
class Node:
    """One verdict of a unit. `children` and `parents` are positions in the plan; leaves come first.

    A standard that the unit cannot hold (`titled` is false) is never judged, so it is nobody's parent. `watch` is that
    of the leaf, at hand.
    """

    name: str
    kind: NodeKind
    ruleset: str
    leaf: Leaf | None = None
    children: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    standard: str | None = None
    titled: bool = True
    watch: Watch | None = None


class Combined(dict[tuple[CellResult, ...], Finding]):
    """The finding of a chỉ tiêu by the results of its cells, each worked out once; there are few combinations."""

    def __init__(self, by_cell: ByCell) -> None:
        super().__init__()
        self._combine = by_cell.combine

    def __missing__(self, results: tuple[CellResult, ...]) -> Finding:
        """Work out a combination that was not seen yet."""
        found = self[results] = self._combine(results)
        return found


class Reader(NamedTuple):
    """A chỉ tiêu that reads a slot cell by cell: its `position`, and where in the unit's `results` it keeps them.

    The result of the slot is at `place`, those of all cells of the chỉ tiêu are the `span`.
    """

    position: int
    place: int
    judge: JudgeCell
    span: slice
    combined: Combined


@dataclass(frozen=True, slots=True)
class Plan:
    """All verdicts of one kind of unit, and by slot who reads it: cell by cell (`readers`), or as a `whole`."""

    nodes: tuple[Node, ...]
    readers: tuple[tuple[Reader, ...], ...]
    whole: tuple[tuple[int, ...], ...]
    position: dict[str, int]


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What decides which rules a unit has."""

    level: str
    ward: bool
    titled: bool
    group: str | None
    region: str | None

    @classmethod
    def of(cls, unit: AdminUnit) -> "PlanKey":
        """Return the key of a unit."""
        return cls(
            level=unit.level,
            ward=unit.type is CommuneType.PHUONG,
            titled=unit.can_hold_title or unit.type is None,
            group=unit.group,
            region=unit.region,
        )


def compile_plan(catalog: Catalog, slots: SlotTable, key: PlanKey, on: dt.date) -> Plan:
    """Return the plan for units of `key` on the day `on`; a ward (phường) is not rural and has no chỉ tiêu."""
    rules = [] if key.ward else [r for r in catalog.rules_in_force(on) if _applies(catalog, r, key)]
    leaves = [leaf_of(catalog, slots, rule, (key.group, key.region)) for rule in rules]
    names = [rule.node for rule in rules]
    criteria: dict[str, list[int]] = defaultdict(list)
    for position, rule in enumerate(rules):
        criteria[rule.criterion_node].append(position)
    children: list[list[int]] = [[] for _ in rules]
    for name, members in criteria.items():
        names.append(name)
        children.append(members)
    standards = [s for s in _required_first(catalog) if any(rule.standard == s for rule in rules)]
    for standard in standards:
        own = [names.index(name) for name in criteria if name.split("/", 1)[0] == standard]
        required = [names.index(r) for r in catalog.standard_by_id[standard].requires if r in names]
        names.append(standard)
        children.append(own + required)
    nodes = _nodes(rules, leaves, names, children, set(standards), key)
    return plan_of(nodes, slots)


def plan_of(nodes: tuple[Node, ...], slots: SlotTable) -> Plan:
    """Return the plan of the nodes of a unit; with none it is that of a unit that nothing is asked of."""
    readers: list[list[Reader]] = [[] for _ in slots.slots]
    whole: list[list[int]] = [[] for _ in slots.slots]
    place = 0
    for position, node in enumerate(nodes):
        by_cell = node.leaf.by_cell if node.leaf else None
        if node.leaf is not None and by_cell is None:
            for slot in node.leaf.slots:
                whole[slot].append(position)
        if by_cell is not None:
            combined, span = Combined(by_cell), slice(place, place + len(by_cell.judges))
            for slot, judge in by_cell.judges:
                readers[slot].append(Reader(position, place, judge, span, combined))
                place += 1
    return Plan(
        nodes=nodes,
        readers=tuple(tuple(found) for found in readers),
        whole=tuple(tuple(found) for found in whole),
        position={node.name: index for index, node in enumerate(nodes)},
    )


def _applies(catalog: Catalog, rule: IndicatorRule, key: PlanKey) -> bool:
    return catalog.standard_by_id[rule.standard].level == key.level


def _required_first(catalog: Catalog) -> list[str]:
    """Return the standards so that one comes after those it requires."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in ordered:
            for required in catalog.standard_by_id[name].requires:
                visit(required)
            ordered.append(name)

    for standard in catalog.standards:
        visit(standard.id)
    return ordered


def _nodes(
    rules: list[IndicatorRule],
    leaves: list[Leaf],
    names: list[str],
    children: list[list[int]],
    standards: set[str],
    key: PlanKey,
) -> tuple[Node, ...]:
    parents: list[list[int]] = [[] for _ in names]
    for position, members in enumerate(children):
        for member in members if key.titled or names[position] not in standards else ():
            parents[member].append(position)
    nodes: list[Node] = []
    for position, name in enumerate(names):
        leaf = leaves[position] if position < len(rules) else None
        is_standard = leaf is None and name in standards
        kind = NodeKind.INDICATOR if leaf else NodeKind.STANDARD if is_standard else NodeKind.CRITERION
        nodes.append(
            Node(
                name=name,
                kind=kind,
                ruleset=leaf.rule.ruleset if leaf else nodes[children[position][0]].ruleset,
                leaf=leaf,
                children=tuple(children[position]),
                parents=tuple(parents[position]),
                standard=name if is_standard else None,
                titled=key.titled or not is_standard,
                watch=leaf.watch if leaf else None,
            )
        )
    return tuple(nodes)
