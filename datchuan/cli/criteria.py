"""Which chỉ tiêu an operator means by a number, a node or an indicator key."""

import datetime as dt

from datchuan.errors import USAGE, CommandError
from shared.catalog.catalog import Catalog
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import UnitLevel


def find_rule(catalog: Catalog, code: str, level: UnitLevel, on: dt.date) -> IndicatorRule:
    """Return the chỉ tiêu of units of a level that `code` names ("15.1", "xa_ntm/15.1") on the day `on`."""
    named = [rule for rule in catalog.rules if code in (rule.code, rule.node)]
    if not named:
        raise CommandError(f"the catalog has no chỉ tiêu {code!r}", f"Give one of {_known(catalog, level, on)}.", USAGE)
    fitting = [rule for rule in named if rule.in_force(on) and _level(catalog, rule) is level]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        nodes = ", ".join(rule.node for rule in fitting)
        raise CommandError(f"{code} is the number of {len(fitting)} chỉ tiêu: {nodes}", "Give one of these.", USAGE)
    spans = "; ".join(f"{rule.node} of {_level(catalog, rule).value}s {_span(rule)}" for rule in named)
    raise CommandError(
        f"no chỉ tiêu {code} judges a {level.value} on {on.isoformat()}; the catalog has {spans}",
        "Give another date or number.",
        USAGE,
    )


def _known(catalog: Catalog, level: UnitLevel, on: dt.date) -> str:
    nodes = [rule.node for rule in catalog.rules_in_force(on) if _level(catalog, rule) is level]
    return ", ".join(dict.fromkeys(nodes)) or "the numbers of another date"


def _level(catalog: Catalog, rule: IndicatorRule) -> UnitLevel:
    return catalog.standard_by_id[rule.standard].level


def _span(rule: IndicatorRule) -> str:
    since = rule.effective_from.isoformat() if rule.effective_from else "…"
    until = rule.effective_to.isoformat() if rule.effective_to else "…"
    return f"from {since} to {until}"
