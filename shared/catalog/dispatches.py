"""Who is responsible: official dispatches (công văn), clauses to the letter, rules by role (dispatches/*.yaml)."""

import datetime as dt

from pydantic import Field

from shared.catalog.base import CatalogModel, Dated, OneLine
from shared.catalog.policies import ALWAYS
from shared.contracts.vocabulary import Confidence, Role

ANY_INDICATOR = "*"


class ResponsibleUnit(Dated):
    """A unit that a dispatch charges with a duty, or a department (phòng, khoa) of one: `parent` is the unit's id.

    A department without an address is reached at its parent's. `one_per_commune` stands for the unit of the commune
    concerned, named by `commune_prefix_vi` and the commune's name: "UBND" gives "UBND xã Thụy Hùng". The dates are
    those of the unit itself; after them `successor`, another unit of the dispatch, has its duties, or nobody has.
    """

    id: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    name_vi: OneLine
    kind: str
    one_per_commune: bool = False
    commune_prefix_vi: OneLine = "UBND"
    parent: str | None = None
    successor: str | None = None


class Clause(CatalogModel):
    """A passage of the dispatch, quoted to the letter, with its section ("mục 5") for citation."""

    id: str
    unit: str
    section_vi: OneLine
    quote: str
    role: Role
    note: str | None = None


class OwnershipRule(CatalogModel):
    """Which units hold which role for an indicator and sector. "*" is the fallback for what the text does not name.

    An empty `lead` is legal: it says that the text names none, and the product reports that instead of guessing.
    `sector` None with a sectored indicator is the rule for an unknown or mixed sector. `appraising` counts only while
    the unit's dossier is being appraised (thẩm định); every other role counts in both phases.
    """

    indicator: str
    sector: str | None = None
    lead: tuple[str, ...] = ()
    directing: tuple[str, ...] = ()
    coordinating: tuple[str, ...] = ()
    consolidating: tuple[str, ...] = ()
    appraising: tuple[str, ...] = ()
    implementing: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    gap: str | None = None

    def units_by_role(self) -> dict[Role, tuple[str, ...]]:
        """Return the units of every role that a dispatch can give, in the order of `Role`."""
        return {role: getattr(self, role.value) for role in Role if role is not Role.SUPERIOR}


class Gap(CatalogModel):
    """Something the dispatch leaves open, said in Vietnamese so that officials can settle it."""

    id: str
    what_vi: str


class OfficialDispatch(Dated):
    """An official dispatch or plan: who issued it, for which units, from when to when, and what it orders.

    `scope` lists administrative unit ids; the dispatch holds for them and all below. `number` is None where the source
    leaves it blank. `cc` are the units that only receive it (Nơi nhận), with the clauses of theirs in the role
    "informed". `text_file` is the document's text in the folder texts beside the dispatch, by which quotes are checked.
    """

    id: str
    title_vi: str
    number: str | None = None
    issued_vi: str
    issuer_vi: str
    signed_by_vi: str | None = None
    implements_vi: str | None = None
    scope: tuple[str, ...] = Field(min_length=1)
    dates_confidence: Confidence
    source: str
    units: tuple[ResponsibleUnit, ...]
    clauses: tuple[Clause, ...]
    rules: tuple[OwnershipRule, ...]
    gaps: tuple[Gap, ...] = ()
    cc: tuple[str, ...] = ()
    text_file: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]{0,100}\.txt$")
    note: str | None = None

    def rule_for(self, indicator: str, sector: str | None) -> OwnershipRule | None:
        """Return the rule for an indicator and sector, else that for any sector, else the "*" rule, else None."""
        rules = {(rule.indicator, rule.sector): rule for rule in self.rules}
        for key in ((indicator, sector), (indicator, None), (ANY_INDICATOR, None)):
            if key in rules:
                return rules[key]
        return None

    def gap_of(self, rule: OwnershipRule) -> Gap | None:
        """Return what the dispatch leaves open in this rule, if it says so."""
        return next((gap for gap in self.gaps if gap.id == rule.gap), None)

    def copied_to(self, rule: OwnershipRule) -> tuple[str, ...]:
        """Return the units that are only informed of what a rule orders: those of the rule, then those of `cc`."""
        return tuple(dict.fromkeys((*rule.informed, *self.cc)))

    def clauses_for(self, rule: OwnershipRule, unit: str, role: Role) -> tuple[Clause, ...]:
        """Return the clauses that give a unit a role by a rule; a unit named only as a partner has the partner's."""
        if role is Role.INFORMED and unit in self.cc:
            return tuple(clause for clause in self.clauses if clause.role is role and clause.unit == unit)
        of_role = [clause for clause in self.clauses if clause.id in rule.clauses and clause.role is role]
        own = [clause for clause in of_role if clause.unit == unit]
        return tuple(own or of_role)

    def holder(self, unit: str, on: dt.date) -> ResponsibleUnit | None:
        """Return the unit that has the duties of a unit on a day: itself, or the last that took over from it.

        None when it has ended, alone or with the unit that it is a department of, and nobody has taken over.
        """
        units = {found.id: found for found in self.units}
        tried: set[str] = set()
        name: str | None = unit
        while name in units and name not in tried:
            tried.add(name)
            found = units[name]
            above = units.get(found.parent or "")
            if found.in_force(on) and (above is None or above.in_force(on)):
                return found
            name = found.successor
        return None


class Address(CatalogModel):
    """Where a responsible unit of a dispatch is reached; kept apart from the dispatch. `commune` narrows it to one.

    `hours` is the id of office hours of policies.yaml in which it may be written to. `apprise` are URLs of other
    services; one that holds a password belongs into `apprise_file`, a file with one URL a line.
    """

    dispatch: str
    unit: str
    commune: str | None = None
    mail: tuple[str, ...] = ()
    webhook: str | None = None
    webhook_secret_file: str | None = None
    console: bool = False
    apprise: tuple[str, ...] = ()
    apprise_file: str | None = None
    hours: str = ALWAYS

    @property
    def ways(self) -> tuple[str, ...]:
        """Every way to reach the unit, as a screen may show it: of a URL of another service only its kind."""
        others = [f"{url.partition('://')[0]}://…" for url in self.apprise]
        named = [self.webhook, "console" if self.console else None, *others, self.apprise_file]
        return (*self.mail, *(way for way in named if way))


class AddressesFile(CatalogModel):
    """addresses.yaml."""

    addresses: tuple[Address, ...] = ()
