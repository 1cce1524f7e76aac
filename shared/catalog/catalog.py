"""The catalog as one value: every file of a catalog folder, with the look-ups that the services need."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from pydantic import Field

from shared.catalog.base import CatalogModel
from shared.catalog.dispatches import Address, OfficialDispatch, ResponsibleUnit
from shared.catalog.forms import Form
from shared.catalog.indicators import Indicator
from shared.catalog.policies import Policies
from shared.catalog.profiles import SourceProfile
from shared.catalog.rulesets import IndicatorRule, Ruleset, Source, Standard
from shared.catalog.units import AdminUnit, Region


class Catalog(CatalogModel):
    """Everything that is data and not code. Built only by `load.load_catalog`, which validates it as a whole.

    `digest` is a short hash of the files: verdicts and messages carry it as the version of the rules. `texts` are the
    documents that dispatches quote, by the dispatch's id.
    """

    digest: str
    regions: tuple[Region, ...]
    groups: tuple[Region, ...]
    units: tuple[AdminUnit, ...]
    indicators: tuple[Indicator, ...]
    sources: tuple[Source, ...]
    rulesets: tuple[Ruleset, ...]
    standards: tuple[Standard, ...]
    rules: tuple[IndicatorRule, ...]
    dispatches: tuple[OfficialDispatch, ...]
    addresses: tuple[Address, ...]
    profiles: tuple[SourceProfile, ...]
    forms: tuple[Form, ...] = ()
    policies: Policies = Policies()
    texts: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def rules_digest(self) -> str:
        """A short hash of what judges alone: units, indicators, rules, and after how long figures are stale.

        Neither dispatches nor addresses, nor margins: near its threshold a met chỉ tiêu is met. A catalog without a
        policy on silence has the hash it always had.
        """
        judging = (self.units, self.indicators, self.rulesets, self.standards, self.rules, self.policies.silence)
        text = "\n".join(repr(item) for items in judging for item in items)
        return hashlib.sha256(text.encode()).hexdigest()[: len(self.digest)]

    @cached_property
    def unit_by_id(self) -> dict[str, AdminUnit]:
        """Every unit of every time, by id."""
        return {unit.id: unit for unit in self.units}

    @cached_property
    def units_by_code(self) -> dict[str, tuple[AdminUnit, ...]]:
        """All units that ever held a code, oldest first."""
        found: defaultdict[str, list[AdminUnit]] = defaultdict(list)
        for unit in self.units:
            found[unit.code].append(unit)
        return {
            code: tuple(sorted(units, key=lambda u: u.effective_from or dt.date.min)) for code, units in found.items()
        }

    @cached_property
    def indicator_by_key(self) -> dict[str, Indicator]:
        """Every indicator, by key."""
        return {indicator.key: indicator for indicator in self.indicators}

    @cached_property
    def ruleset_by_id(self) -> dict[str, Ruleset]:
        """Every ruleset, by id."""
        return {ruleset.id: ruleset for ruleset in self.rulesets}

    @cached_property
    def standard_by_id(self) -> dict[str, Standard]:
        """Every standard, by id."""
        return {standard.id: standard for standard in self.standards}

    @cached_property
    def profile_by_source(self) -> dict[str, SourceProfile]:
        """Every source profile, by source."""
        return {profile.source: profile for profile in self.profiles}

    @cached_property
    def form_by_id(self) -> dict[str, Form]:
        """Every column template, by id."""
        return {form.id: form for form in self.forms}

    @cached_property
    def address_by_place(self) -> dict[tuple[str, str, str | None], Address]:
        """Every address, by (dispatch, responsible unit, commune); the commune is None for an address of all."""
        return {(address.dispatch, address.unit, address.commune): address for address in self.addresses}

    @cached_property
    def dispatch_by_id(self) -> dict[str, OfficialDispatch]:
        """Every dispatch, by id."""
        return {dispatch.id: dispatch for dispatch in self.dispatches}

    @cached_property
    def predecessors(self) -> dict[str, tuple[AdminUnit, ...]]:
        """The units that name another as their successor, by the id of that; none for a unit that nobody names."""
        found: defaultdict[str, list[AdminUnit]] = defaultdict(list)
        for unit in self.units:
            for successor in unit.successors:
                found[successor].append(unit)
        return {name: tuple(units) for name, units in found.items()}

    @cached_property
    def responsible_units(self) -> dict[tuple[str, str], ResponsibleUnit]:
        """Every responsible unit, by the ids of its dispatch and of itself."""
        return {(dispatch.id, unit.id): unit for dispatch in self.dispatches for unit in dispatch.units}

    @cached_property
    def rule_boundaries(self) -> tuple[dt.date, ...]:
        """The days on which a rule or unit starts or first no longer holds, sorted: when plans are compiled anew."""
        days: set[dt.date] = set()
        for dated in (*self.rules, *self.rulesets, *self.units):
            if dated.effective_from:
                days.add(dated.effective_from)
            if dated.effective_to and dated.effective_to < dt.date.max:
                days.add(dated.effective_to + dt.timedelta(days=1))
        return tuple(sorted(days))

    def rules_in_force(self, on: dt.date) -> tuple[IndicatorRule, ...]:
        """Return the chỉ tiêu in force on the day `on`, in file order."""
        return tuple(rule for rule in self.rules if rule.in_force(on))

    def rule_for(self, node: str, on: dt.date) -> IndicatorRule | None:
        """Return the rule that judges the node "standard/code" on the day `on`, or None."""
        return next((rule for rule in self.rules if rule.node == node and rule.in_force(on)), None)

    def ancestors(self, unit: AdminUnit) -> Iterator[AdminUnit]:
        """Yield the units above `unit`, nearest first."""
        parent = unit.parent
        while parent is not None:
            above = self.unit_by_id[parent]
            yield above
            parent = above.parent

    def dispatch_for(self, unit: AdminUnit, on: dt.date) -> OfficialDispatch | None:
        """Return the dispatch in force for `unit` on the day `on`, the nearest scope first, or None."""
        for place in (unit, *self.ancestors(unit)):
            for dispatch in self.dispatches:
                if place.id in dispatch.scope and dispatch.in_force(on):
                    return dispatch
        return None
