"""How indicators are judged: legal sources, rulesets with effective dates, standards, chỉ tiêu (rulesets.yaml)."""

import datetime as dt
from decimal import Decimal

from pydantic import Field

from shared.catalog.base import CatalogModel, Dated
from shared.contracts.vocabulary import Combine, Confidence, Operator, UnitLevel

_STRONGEST_FIRST = (Confidence.VERIFIED, Confidence.RECALLED, Confidence.UNCERTAIN)


class Source(CatalogModel):
    """Where a number was read: a seed document, the press quoting a decision, a legal Q&A, a government page."""

    id: str
    kind: str
    what: str
    url: str | None = None


class Ruleset(Dated):
    """A decision that sets or amends chỉ tiêu. A disabled one is a placeholder whose thresholds are unknown."""

    id: str
    number: str
    name_vi: str
    issued: dt.date
    amends: tuple[str, ...] = ()
    confidence: Confidence
    seen_in: tuple[str, ...] = ()
    note: str | None = None
    disabled: bool = False


class Standard(CatalogModel):
    """A title whose health part is watched, e.g. xã NTM. `requires`: standards whose health part must be met too."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    name_vi: str
    level: UnitLevel
    requires: tuple[str, ...] = ()
    requires_confidence: Confidence = Confidence.RECALLED
    confidence: Confidence
    note: str | None = None


class IndicatorRule(Dated):
    """One chỉ tiêu of one standard during one span of dates.

    `thresholds` maps "default", a region or a commune group to percent (rates) or a count (events); a null falls back
    to the default; a null default is an unknown rule. `window` "calendar_year" admits only reports of the running year.
    `confidence` speaks of the general threshold; `code_confidence` of the number; `regions_confidence` of the rest.
    """

    standard: str
    criterion: str
    criterion_name_vi: str
    code: str
    indicator: str
    ruleset: str
    name_vi: str
    operator: Operator | None
    thresholds: dict[str, Decimal | None] = Field(default_factory=dict)
    combine: Combine | None = None
    window: str | None = Field(default=None, pattern=r"^calendar_year$")
    window_confidence: Confidence | None = None
    validity_years: int | None = None
    either_attested_or_rate: bool = False
    zero_denominator_not_applicable: bool = False
    legal_source: str
    confidence: Confidence
    code_confidence: Confidence
    regions_confidence: Confidence | None = None
    disaggregation_confidence: Confidence | None = None
    seen_in: tuple[str, ...] = ()
    note: str | None = None
    disabled: bool = False

    @property
    def node(self) -> str:
        """The verdict node this rule judges, the same under every ruleset: "xa_ntm/15.1"."""
        return f"{self.standard}/{self.code}"

    @property
    def criterion_node(self) -> str:
        """The verdict node of the tiêu chí above this chỉ tiêu: "xa_ntm/15"."""
        return f"{self.standard}/{self.criterion}"

    def threshold_for(self, keys: tuple[str | None, ...]) -> Decimal | None:
        """Return the threshold for the first of `keys` (group, region) that has one, else the default, else None."""
        for key in keys:
            if key is not None and self.thresholds.get(key) is not None:
                return self.thresholds[key]
        return self.thresholds.get("default")

    def applied_confidence(self, keys: tuple[str | None, ...]) -> Confidence:
        """Return how far the threshold for `keys` (group, region) can be trusted.

        `confidence` speaks of every unit, `regions_confidence` of the units whose key has a threshold of its own or a
        null that stands for the default; the weaker word holds where both speak.
        """
        is_keyed = any(key is not None and key in self.thresholds for key in keys)
        if self.regions_confidence is None or not is_keyed:
            return self.confidence
        return max(self.confidence, self.regions_confidence, key=_STRONGEST_FIRST.index)


class RulesetsFile(CatalogModel):
    """rulesets.yaml."""

    sources: tuple[Source, ...] = ()
    rulesets: tuple[Ruleset, ...]
    standards: tuple[Standard, ...]
    rules: tuple[IndicatorRule, ...]
