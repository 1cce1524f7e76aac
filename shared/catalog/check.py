"""What the files of a catalog say about one another: every check, in one list."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.catalog.catalog import Catalog
from shared.catalog.checks import dispatches, escalation, forms, margins, policies, profiles, quotes, rules, units
from shared.catalog.problems import Problem


@dataclass(frozen=True, slots=True)
class CatalogFiles:
    """The file names of the parts that have one file each, in the order of the catalog's own tuples.

    `units` are the files that units stand in, with how many each has; units.yaml alone when it is empty.
    """

    units: tuple[tuple[str, int], ...] = ()
    dispatches: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()


Check = Callable[[Catalog, CatalogFiles], list[Problem]]
# The checks that need the units alone.
UNIT_CHECKS = (units.check_unit_names, units.check_unit_dates, units.check_unit_parents, units.check_successors)
# Each check, and the parts of the catalog that it needs to be whole.
CHECKS: tuple[tuple[Check, frozenset[str]], ...] = (
    (lambda catalog, files: [p for check in UNIT_CHECKS for p in check(catalog, files.units)], frozenset({"units"})),
    (lambda catalog, files: units.check_unit_sources(catalog, files.units), frozenset({"units", "rulesets"})),
    (lambda catalog, _: profiles.check_indicators(catalog), frozenset({"indicators"})),
    (lambda catalog, _: rules.check_rule_names(catalog), frozenset({"rulesets"})),
    (lambda catalog, _: rules.check_rule_dates(catalog), frozenset({"rulesets"})),
    (lambda catalog, _: rules.check_rule_meaning(catalog), frozenset({"rulesets", "indicators", "units"})),
    (lambda catalog, files: dispatches.check_dispatch_names(catalog, files.dispatches), frozenset()),
    (lambda catalog, files: dispatches.check_dispatch_rules(catalog, files.dispatches), frozenset({"indicators"})),
    (lambda catalog, files: dispatches.check_dispatch_places(catalog, files.dispatches), frozenset({"units"})),
    (lambda catalog, files: dispatches.check_dispatch_sources(catalog, files.dispatches), frozenset({"rulesets"})),
    (lambda catalog, files: quotes.check_quotes(catalog, files.dispatches), frozenset()),
    (
        lambda catalog, _: dispatches.check_addresses(catalog),
        frozenset({"addresses", "dispatches", "units"}),
    ),
    (lambda catalog, _: dispatches.check_address_hours(catalog), frozenset({"addresses", "policies"})),
    (lambda catalog, files: profiles.check_profile_sources(catalog, files.profiles), frozenset()),
    (lambda catalog, files: profiles.check_categories(catalog, files.profiles), frozenset()),
    (lambda catalog, files: profiles.check_profile_places(catalog, files.profiles), frozenset({"units"})),
    (lambda catalog, files: profiles.check_aliases(catalog, files.profiles), frozenset({"indicators"})),
    (lambda catalog, files: forms.check_form_names(catalog, files.forms), frozenset()),
    (lambda catalog, files: forms.check_form_columns(catalog, files.forms), frozenset()),
    (lambda catalog, files: forms.check_form_measures(catalog, files.forms), frozenset({"indicators"})),
    (lambda catalog, files: forms.check_profile_forms(catalog, files.profiles), frozenset({"forms"})),
    (lambda catalog, _: policies.check_policy_names(catalog), frozenset({"policies"})),
    (lambda catalog, _: policies.check_policy_places(catalog), frozenset({"policies", "units", "rulesets"})),
    (lambda catalog, _: policies.check_duties(catalog), frozenset({"policies", "dispatches"})),
    (lambda catalog, _: escalation.check_escalation(catalog), frozenset({"policies", "units", "indicators"})),
    (lambda catalog, _: margins.check_margins(catalog), frozenset({"policies", "indicators"})),
)


def check_catalog(catalog: Catalog, files: CatalogFiles, broken: frozenset[str] = frozenset()) -> list[Problem]:
    """Return the problems between the parts of a catalog; checks that need a part in `broken` are left out."""
    return [problem for check, needs in CHECKS if not needs & broken for problem in check(catalog, files)]
