"""Who is responsible: official dispatches (công văn), clauses to the letter, rules by role (dispatches/*.yaml)."""

from pydantic import Field

from shared.catalog.base import CatalogModel, Dated
from shared.contracts.vocabulary import Confidence, Role

ANY_INDICATOR = "*"


class ResponsibleUnit(CatalogModel):
    """A unit that a dispatch charges with a duty.

    `one_per_commune` stands for the unit of the commune concerned, named by `commune_prefix_vi` and the commune's name:
    "UBND" gives "UBND xã Thụy Hùng".
    """

    id: str = Field(pattern=r"^[a-z0-9_]{1,60}$")
    name_vi: str
    kind: str
    one_per_commune: bool = False
    commune_prefix_vi: str = "UBND"


class Clause(CatalogModel):
    """A passage of the dispatch, quoted to the letter, with its section ("mục 5") for citation."""

    id: str
    unit: str
    section_vi: str
    quote: str
    role: Role
    note: str | None = None


class OwnershipRule(CatalogModel):
    """Which units hold which role for an indicator and sector. "*" is the fallback for what the text does not name.

    An empty `lead` is legal: it says that the text names none, and the product reports that instead of guessing.
    `sector` None with a sectored indicator is the rule for an unknown or mixed sector.
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
    leaves it blank.
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


class Address(CatalogModel):
    """Where a responsible unit of a dispatch is reached; kept apart from the dispatch. `commune` narrows it to one."""

    dispatch: str
    unit: str
    commune: str | None = None
    mail: tuple[str, ...] = ()
    webhook: str | None = None
    webhook_secret_file: str | None = None
    console: bool = False


class AddressesFile(CatalogModel):
    """addresses.yaml."""

    addresses: tuple[Address, ...] = ()
