"""Checks of rulesets, standards and chỉ tiêu: names, dates, and rules that fit what their indicator measures."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import Finding, cycles, days_of, duplicates, placed, unknown, wrong_dates
from shared.catalog.indicators import Indicator
from shared.catalog.problems import Problem, at
from shared.catalog.rulesets import IndicatorRule
from shared.contracts.vocabulary import Combine, MeasureKind, Operator

FILE = "rulesets.yaml"
DEFAULT = "default"
RATE_OPERATORS = (Operator.AT_LEAST, Operator.AT_MOST, Operator.MORE_THAN, Operator.LESS_THAN)
RATE_MEASURES = frozenset({MeasureKind.RATIO, MeasureKind.PERCENT})
MEASURES_FOR = {
    **dict.fromkeys(RATE_OPERATORS, RATE_MEASURES | {MeasureKind.COUNT}),
    Operator.IS_TRUE: frozenset({MeasureKind.BOOLEAN}),
    Operator.CERTIFICATE_VALID: frozenset({MeasureKind.BOOLEAN}),
    Operator.NO_EVENT_IN_WINDOW: frozenset({MeasureKind.COUNT}),
}


def check_rule_names(catalog: Catalog) -> list[Problem]:
    """Return the problems of ids and references of sources, rulesets, standards and rules."""
    problems = duplicates(FILE, "sources", "id", [source.id for source in catalog.sources])
    problems += duplicates(FILE, "rulesets", "id", [ruleset.id for ruleset in catalog.rulesets])
    problems += duplicates(FILE, "standards", "id", [standard.id for standard in catalog.standards])
    sources = {source.id for source in catalog.sources}
    for index, ruleset in enumerate(catalog.rulesets):
        key = at("rulesets", index, ruleset.id)
        problems += unknown(FILE, f"{key}.amends", ruleset.amends, catalog.ruleset_by_id, "rulesets")
        problems += unknown(FILE, f"{key}.seen_in", ruleset.seen_in, sources, "sources")
    for index, standard in enumerate(catalog.standards):
        key = at("standards", index, standard.id, "requires")
        problems += unknown(FILE, key, standard.requires, catalog.standard_by_id, "standards")
    for index, rule in enumerate(catalog.rules):
        key = at("rules", index, rule.node)
        problems += unknown(FILE, f"{key}.standard", [rule.standard], catalog.standard_by_id, "standards")
        problems += unknown(FILE, f"{key}.ruleset", [rule.ruleset], catalog.ruleset_by_id, "rulesets")
        problems += unknown(FILE, f"{key}.seen_in", rule.seen_in, sources, "sources")
    requires = {standard.id: standard.requires for standard in catalog.standards}
    amends = {ruleset.id: ruleset.amends for ruleset in catalog.rulesets}
    return problems + cycles(FILE, "standards", "requires", requires) + cycles(FILE, "rulesets", "amends", amends)


def check_rule_dates(catalog: Catalog) -> list[Problem]:
    """Return the problems of dates: ends before starts, outside the ruleset, two rules for one node on one day."""
    problems = []
    for index, ruleset in enumerate(catalog.rulesets):
        problems += wrong_dates(FILE, f"{at('rulesets', index, ruleset.id)}.", ruleset)
    by_node: defaultdict[str, list[tuple[int, IndicatorRule]]] = defaultdict(list)
    for index, rule in enumerate(catalog.rules):
        key = at("rules", index, rule.node)
        problems += wrong_dates(FILE, f"{key}.", rule)
        within = catalog.ruleset_by_id.get(rule.ruleset)
        if within is not None and not within.covers(rule):
            what = f"is in force {days_of(within)}, not on every day of this rule"
            problems.append(Problem(FILE, f"{key}.ruleset", rule.ruleset, what, "correct the dates of one of the two"))
        for earlier_index, earlier in by_node[rule.node]:
            if rule.overlaps(earlier):
                what = f"but rules[{earlier_index}] judges {rule.node} too on some of the same days"
                first = rule.effective_from
                problems.append(
                    Problem(FILE, f"{key}.effective_from", str(first), what, "let one end before the other starts")
                )
        by_node[rule.node].append((index, rule))
    return problems


def check_rule_meaning(catalog: Catalog) -> list[Problem]:
    """Return the problems of rules that do not fit their indicator, or whose thresholds cannot be meant."""
    places = {place.code for place in (*catalog.regions, *catalog.groups)} | {DEFAULT}
    problems = []
    for index, rule in enumerate(catalog.rules):
        key = at("rules", index, rule.node)
        problems += unknown(FILE, f"{key}.thresholds", rule.thresholds, places, "regions or groups of units.yaml")
        indicator = catalog.indicator_by_key.get(rule.indicator)
        if indicator is None:
            problems += unknown(FILE, f"{key}.indicator", [rule.indicator], (), "indicators.yaml")
            continue
        findings = [*_operator_findings(rule, indicator), *_threshold_findings(rule, indicator)]
        findings += [*_combine_findings(rule, indicator), *_disabled_findings(catalog, rule)]
        problems += placed(FILE, key, findings)
    return problems


def _operator_findings(rule: IndicatorRule, indicator: Indicator) -> Iterator[Finding]:
    measures = set(indicator.measures)
    known = ", ".join(indicator.measures)
    if rule.operator is None:
        if not rule.disabled:
            yield "operator", None, "is null", "give the operator, or say disabled: true while the rule is unknown"
        return
    if not measures & MEASURES_FOR[rule.operator]:
        needed = " or ".join(sorted(MEASURES_FOR[rule.operator]))
        what = f"needs a {needed}, but {indicator.key} is reported as {known}"
        yield "operator", rule.operator.value, what, "choose an operator that fits, or add the measure"
    if rule.either_attested_or_rate and not (MeasureKind.BOOLEAN in measures and measures & RATE_MEASURES):
        what = f"needs boolean and ratio or percent, but {indicator.key} is reported as {known}"
        yield "either_attested_or_rate", True, what, "remove it or add the measure"
    if (rule.operator is Operator.CERTIFICATE_VALID) != (rule.validity_years is not None):
        what = "goes with the operator certificate_valid, and only with it"
        yield "validity_years", rule.validity_years, what, "give both or neither"


def _threshold_findings(rule: IndicatorRule, indicator: Indicator) -> Iterator[Finding]:
    given = {place: value for place, value in rule.thresholds.items() if value is not None}
    if rule.operator in (Operator.IS_TRUE, Operator.CERTIFICATE_VALID):
        if given:
            yield "thresholds", _shown(given), "this operator has no threshold", "remove them"
        return
    if rule.operator is not None and DEFAULT not in rule.thresholds:
        what = "the default is missing"
        yield "thresholds", None, what, "give default: a number, or default: null when it is unknown"
    percent = bool(RATE_MEASURES & set(indicator.measures))
    for place, value in given.items():
        if percent and not 0 <= value <= 100:  # a rate is a percentage
            yield f"thresholds.{place}", str(value), "is not a percentage", "give a number from 0 to 100"
        elif value < 0:
            yield f"thresholds.{place}", str(value), "is negative", "give 0 or more"


def _combine_findings(rule: IndicatorRule, indicator: Indicator) -> Iterator[Finding]:
    attested = rule.operator in (Operator.IS_TRUE, Operator.CERTIFICATE_VALID)
    counted = indicator.by is not None and rule.operator is not None and not attested
    if counted and rule.combine is None:
        what = f"is missing, but {indicator.key} is reported by {indicator.by}"
        yield "combine", None, what, f"give {', '.join(Combine)}"
    if rule.combine is not None and (attested or indicator.by is None):
        what = f"but there is nothing to combine: {indicator.key} has one value here"
        yield "combine", rule.combine.value, what, "remove it"


def _disabled_findings(catalog: Catalog, rule: IndicatorRule) -> Iterator[Finding]:
    ruleset = catalog.ruleset_by_id.get(rule.ruleset)
    given = {place: value for place, value in rule.thresholds.items() if value is not None}
    if ruleset is not None and ruleset.disabled and given:
        what = f"but the ruleset {ruleset.id} is disabled, its thresholds are unknown"
        yield "thresholds", _shown(given), what, "enable the ruleset, or set them to null"


def _shown(thresholds: dict[str, Decimal]) -> str:
    return ", ".join(f"{place}: {value}" for place, value in thresholds.items())
