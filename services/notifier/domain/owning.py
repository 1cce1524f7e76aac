"""Who has to act on an alert: only they are asked to acknowledge it."""

import datetime as dt
from dataclasses import dataclass, field

from services.notifier.domain.addressees import indicator_of, standard_of
from services.notifier.domain.grouping import Group
from services.notifier.domain.material import Material
from services.notifier.domain.route import route
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Role

_OWN_BY_ROLE = frozenset({Role.LEAD, Role.DIRECTING})
_MOST_REMEMBERED = 10_000
# Unit, node, cell and the day of the news.
Place = tuple[str, str, str, dt.date]


@dataclass(frozen=True, slots=True)
class Owners:
    """Finds by one catalog whether those who are told of a chỉ tiêu of a unit have to act on it."""

    catalog: Catalog
    _left_open: dict[Place, bool] = field(default_factory=dict)

    def has(self, role: Role, place: Place) -> bool:
        """Return whether a unit that holds a role has to act at a place.

        Those who lead or direct have; those who implement where the text names nobody who leads or directs.
        """
        return role in _OWN_BY_ROLE or (role is Role.IMPLEMENTING and self._is_left_open(place))

    def act_on(self, group: Group, material: Material) -> bool:
        """Return whether the addressee of a message has to act on an alert in it that is still open."""
        return any(
            self.has(duty.role, (item.entry.unit, item.entry.node, item.entry.cell, item.entry.as_of))
            for item in group.items
            if (alert := material.alerts.get(item.entry.alert_id or "")) is not None and alert.is_open
            for duty in item.duties
        )

    def _is_left_open(self, place: Place) -> bool:
        if place not in self._left_open:
            if len(self._left_open) >= _MOST_REMEMBERED:
                self._left_open.clear()
            self._left_open[place] = self._find(*place)
        return self._left_open[place]

    def _find(self, unit: str, node: str, cell: str, on: dt.date) -> bool:
        indicator = indicator_of(self.catalog, node, on)
        if indicator is None or unit not in self.catalog.unit_by_id:
            return False
        return not route(self.catalog, unit, indicator, cell, on, standard=standard_of(node)).owners
