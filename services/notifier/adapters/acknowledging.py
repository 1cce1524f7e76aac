"""Acknowledgement in PostgreSQL: of one alert, or of what a message asks its addressee to act on, each once."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters.alert_rows import alert_of
from services.notifier.adapters.copying import ALERT_COLUMNS
from services.notifier.adapters.course_rows import INSERT_COURSES, write_courses
from services.notifier.adapters.course_store import (
    HOLD_TURN,
    acknowledge_courses,
    standing_courses,
    unacknowledge_courses,
)
from services.notifier.domain.alerts import Alert
from services.notifier.domain.course import Course, is_held
from services.notifier.domain.owning import Owners, Place
from services.notifier.domain.route import name_in
from services.notifier.domain.working_calendar import WorkingCalendar
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Role
from shared.runtime.clock import Clock
from shared.runtime.database import raw_connection

_DELIVERY = "SELECT acknowledged_at, acknowledged_by FROM notifier.delivery WHERE id = :id"

_TOLD = f"""
SELECT {", ".join(f"a.{name}" for name in ALERT_COLUMNS)}, l.role, l.responsible_unit, l.dispatch, l.as_of
  FROM notifier.ledger AS l JOIN notifier.alert AS a ON a.id = l.alert_id
 WHERE l.delivery_id = :id AND a.ended_at IS NULL
 ORDER BY a.id, l.id
"""

_CONFIRM = """
UPDATE notifier.delivery SET acknowledged_at = :now, acknowledged_by = :by
 WHERE id = :id AND acknowledged_at IS NULL
RETURNING id
"""

# Which alerts the link of a message has acknowledged before, whatever became of that since.
_BY_LINK = "SELECT DISTINCT alert_id FROM notifier.audit WHERE delivery_id = :id AND kind = 'acknowledged'"

_OPEN = f"SELECT {', '.join(ALERT_COLUMNS)} FROM notifier.alert WHERE id = :id AND ended_at IS NULL"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks its addressee to acknowledge: the alerts that are still open, and in whose name.

    `pending` are those of `alerts` that its link can acknowledge: nobody has them, and it has not done so before.
    `courses` are theirs by alert id. `acknowledged_at` and `acknowledged_by` are set once nothing was left to the link.
    """

    delivery_id: str
    alerts: tuple[Alert, ...]
    pending: tuple[Alert, ...]
    courses: Mapping[str, Course]
    units: tuple[str, ...]
    acknowledged_at: dt.datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which alerts of a message are meant: those of `ids`, and all behind the id `after` when it is given."""

    ids: frozenset[str]
    after: str | None = None

    def has(self, alert_id: str) -> bool:
        """Return whether an alert is meant."""
        return alert_id in self.ids or (self.after is not None and alert_id > self.after)


class SqlAcknowledging:
    """Acknowledges alerts; each is written into the audit with who did it and how (`via`: "link", "api" or "cli")."""

    def __init__(self, engine: AsyncEngine, catalog: Catalog, clock: Clock, via: str) -> None:
        self._engine = engine
        self._catalog = catalog
        self._calendar = WorkingCalendar(catalog.policies.calendar)
        self._owners = Owners(catalog)
        self._clock = clock
        self._via = via

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> bool:
        """Acknowledge an alert: nobody is reminded of it any more, and nothing escalates. False: it is not open."""
        async with self._turn() as connection:
            rows = (await connection.execute(text(_OPEN), {"id": alert_id})).mappings()
            alerts = [alert_of(row) for row in rows]
            if alerts:
                await self._acknowledge(connection, alerts, by, via=self._via, note=note)
        return bool(alerts)

    async def take_back(self, alert_id: str, by: str, note: str = "") -> bool:
        """Take an acknowledgement back: reminders and escalation go on. False: the alert is not acknowledged."""
        at = self._clock.now()
        async with self._turn() as connection:
            freed = await unacknowledge_courses(
                connection, self._calendar, [alert_id], by=by, via=self._via, at=at, note=note
            )
        return bool(freed)

    async def asked(self, delivery_id: str) -> Asked | None:
        """Return what the message of a delivery asks for, or None when there is no such delivery."""
        async with self._engine.connect() as connection:
            return await self._asked(connection, delivery_id)

    async def confirm(
        self, delivery_id: str, by: str, chosen: Chosen | None = None
    ) -> tuple[Asked, tuple[Alert, ...]] | None:
        """Acknowledge what is chosen of what a message still asks for, all when None; return how it stands, and what.

        None when there is no such delivery. When nothing is left to its link, the link is used up.
        """
        async with self._turn() as connection:
            asked = await self._asked(connection, delivery_id)
            if asked is None:
                return None
            done = tuple(alert for alert in asked.pending if chosen is None or chosen.has(alert.id))
            if not done:
                return asked, ()
            if len(done) == len(asked.pending):
                await connection.execute(text(_CONFIRM), {"id": delivery_id, "by": by, "now": self._clock.now()})
            await self._acknowledge(connection, done, by, via="link", delivery_id=delivery_id)
            return await self._asked(connection, delivery_id) or asked, done

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.begin() as connection:
            await connection.execute(text(HOLD_TURN))
            yield connection

    async def _acknowledge(
        self,
        connection: AsyncConnection,
        alerts: Sequence[Alert],
        by: str,
        *,
        via: str,
        note: str = "",
        delivery_id: str | None = None,
    ) -> None:
        # An alert that no policy puts a deadline to can be acknowledged, too: its course has no steps.
        bare = [Course(alert.id, "", alert.opened_at, ()) for alert in alerts]
        await write_courses(await raw_connection(connection), bare, INSERT_COURSES)
        ids = [alert.id for alert in alerts]
        at = self._clock.now()
        await acknowledge_courses(
            connection, self._calendar, ids, by=by, via=via, at=at, delivery_id=delivery_id, note=note
        )

    async def _asked(self, connection: AsyncConnection, delivery_id: str) -> Asked | None:
        delivery = (await connection.execute(text(_DELIVERY), {"id": delivery_id})).one_or_none()
        if delivery is None:
            return None
        rows = (await connection.execute(text(_TOLD), {"id": delivery_id})).mappings().all()
        owned = [row for row in rows if self._owners.has(Role(row["role"]), _place(row))]
        alerts = tuple({row["id"]: alert_of(row) for row in owned}.values())
        courses = await standing_courses(connection, [alert.id for alert in alerts])
        used = {row.alert_id for row in await connection.execute(text(_BY_LINK), {"id": delivery_id})}
        now = self._clock.now()
        free = (alert for alert in alerts if alert.id not in used)
        is_used_up = delivery.acknowledged_at is not None
        names = (name_in(self._catalog, row["dispatch"], row["responsible_unit"], row["unit"]) for row in owned)
        return Asked(
            delivery_id,
            alerts,
            () if is_used_up else tuple(each for each in free if not _is_taken(courses.get(each.id), now)),
            courses,
            tuple(dict.fromkeys(names)),
            delivery.acknowledged_at,
            delivery.acknowledged_by,
        )


def _is_taken(course: Course | None, now: dt.datetime) -> bool:
    return course is not None and is_held(course, now)


def _place(row: RowMapping) -> Place:
    return row["unit"], row["node"], row["cell"], row["as_of"]
