"""Who owns each chỉ tiêu by a dispatch, sector by sector, and what the text leaves open."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.catalog.catalog import Catalog
from shared.catalog.dispatches import ANY_INDICATOR, OfficialDispatch, OwnershipRule
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import Sector, UnitLevel

LEVELS_BELOW = {
    UnitLevel.PROVINCE: frozenset(UnitLevel),
    UnitLevel.DISTRICT: frozenset({UnitLevel.DISTRICT, UnitLevel.COMMUNE}),
    UnitLevel.COMMUNE: frozenset({UnitLevel.COMMUNE}),
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """Who owns one indicator in one sector by one dispatch; `nodes` are the chỉ tiêu it serves while that is in force.

    `rule` is None when nothing in the dispatch applies; `named` is False when only the "*" rule does. `sector` None
    with `sectored` is the case of an unknown or mixed sector.
    """

    dispatch: str
    indicator: str
    sector: Sector | None
    sectored: bool
    nodes: tuple[str, ...]
    rule: OwnershipRule | None
    named: bool
    gap_vi: str | None


def dispatch_coverage(catalog: Catalog, dispatch: OfficialDispatch) -> tuple[Coverage, ...]:
    """Return one row for every indicator and sector judged on some day of the dispatch, in the order of the rules."""
    nodes: dict[str, dict[str, None]] = {}
    for judged in _judged(catalog, dispatch):
        nodes.setdefault(judged.indicator, {})[judged.node] = None
    rows = []
    for indicator, codes in nodes.items():
        sectored = catalog.indicator_by_key[indicator].by == "sector"
        for sector in (*Sector, None) if sectored else (None,):
            rule = dispatch.rule_for(indicator, sector)
            gap = dispatch.gap_of(rule) if rule else None
            rows.append(
                Coverage(
                    dispatch=dispatch.id,
                    indicator=indicator,
                    sector=sector,
                    sectored=sectored,
                    nodes=tuple(codes),
                    rule=rule,
                    named=rule is not None and rule.indicator != ANY_INDICATOR,
                    gap_vi=gap.what_vi if gap else None,
                )
            )
    return tuple(rows)


def _judged(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[IndicatorRule]:
    """Yield the chỉ tiêu judged on some day of the dispatch at the level of its scope or below."""
    scope = [catalog.unit_by_id[name] for name in dispatch.scope if name in catalog.unit_by_id]
    levels = frozenset[UnitLevel]().union(*(LEVELS_BELOW[unit.level] for unit in scope))
    for rule in catalog.rules:
        level = catalog.standard_by_id[rule.standard].level
        if not rule.disabled and rule.overlaps(dispatch) and level in levels:
            yield rule
