"""Checks of the policies on margins (at_risk) and silent sources (silence): one for an indicator, and one that fits."""

from shared.catalog.catalog import Catalog
from shared.catalog.checks.findings import duplicates, unknown
from shared.catalog.checks.rules import RATE_MEASURES
from shared.catalog.problems import Problem, at

FILE = "policies.yaml"
AT_RISK, SILENCE = "at_risk", "silence"


def check_margins(catalog: Catalog) -> list[Problem]:
    """Return the problems of at_risk and silence: unknown indicators, two policies for one, a margin without a rate."""
    margins = [policy.indicator for policy in catalog.policies.at_risk]
    problems: list[Problem] = []
    for part, indicators in ((AT_RISK, margins), (SILENCE, [policy.indicator for policy in catalog.policies.silence])):
        problems += duplicates(FILE, part, "indicator", indicators)
        for index, name in enumerate(indicators):
            key = at(part, index, name, "indicator")
            problems += unknown(FILE, key, [name], catalog.indicator_by_key, "indicators.yaml")
    for index, name in enumerate(margins):
        indicator = catalog.indicator_by_key.get(name)
        if indicator is not None and not RATE_MEASURES & set(indicator.measures):
            known = ", ".join(indicator.measures)
            what = f"is reported as {known}, which has no margin in percentage points"
            remedy = "remove the policy, or name an indicator that is a ratio or percent"
            problems.append(Problem(FILE, at(AT_RISK, index, name, "indicator"), name, what, remedy))
    return problems
