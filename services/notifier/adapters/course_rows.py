"""Courses as rows, and back. Their steps are kept once for all alerts that share them, under the hash of the steps."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence

import asyncpg
import msgspec

from services.notifier.adapters import copying
from services.notifier.adapters.alert_rows import Stored
from services.notifier.domain.course import Course, CourseState, CourseStep
from shared.runtime.copying import pieces

COLUMNS = (
    *("alert_id", "plan", "opened_at", "position", "next_at", "state", "acknowledged_at", "acknowledged_by"),
    "acknowledged_until",
)

INSERT_PLANS = """
INSERT INTO notifier.course_plan (id, policy, steps, acknowledge_by, acknowledged_for)
SELECT r.id, r.policy, r.steps, r.acknowledge_by, r.acknowledged_for
  FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS r (
       id text, policy text, steps text, acknowledge_by timestamptz, acknowledged_for int)
 ORDER BY r.id
    ON CONFLICT (id) DO NOTHING
"""

# A course that is there already has gone its way: it is neither begun anew nor moved.
INSERT_COURSES = """
INSERT INTO notifier.course (alert_id, plan, opened_at, position, next_at, state)
SELECT r.alert_id, r.plan, r.opened_at, r.position, r.next_at, r.state
  FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS r (
       alert_id text, plan text, opened_at timestamptz, position int, next_at timestamptz, state text)
    ON CONFLICT (alert_id) DO NOTHING
"""

UPDATE_COURSES = """
UPDATE notifier.course AS c
   SET plan = r.plan, position = r.position, next_at = r.next_at, state = r.state,
       acknowledged_at = r.acknowledged_at, acknowledged_by = r.acknowledged_by,
       acknowledged_until = r.acknowledged_until
  FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS r (
       alert_id text, plan text, position int, next_at timestamptz, state text, acknowledged_at timestamptz,
       acknowledged_by text, acknowledged_until timestamptz)
 WHERE c.alert_id = r.alert_id
"""

# Returns those of which something was told, or is about to be.
END_COURSES = """
WITH done AS (
    UPDATE notifier.course SET state = 'ended', next_at = NULL
     WHERE alert_id = ANY($1::text[]) AND state <> 'ended'
    RETURNING alert_id, position > 0 OR acknowledged_at IS NOT NULL AS urged)
SELECT alert_id FROM done WHERE urged
"""

SELECT_COURSES = """
SELECT c.alert_id, c.opened_at, c.position, c.next_at, c.state, c.acknowledged_at, c.acknowledged_by,
       c.acknowledged_until, p.policy, p.steps, p.acknowledge_by, p.acknowledged_for
  FROM notifier.course AS c JOIN notifier.course_plan AS p ON p.id = c.plan
"""

_encode = msgspec.json.Encoder().encode
_decode_steps = msgspec.json.Decoder(tuple[CourseStep, ...]).decode


class Plans:
    """The plans of a batch of courses: each is hashed once, however many courses share its steps."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, dt.datetime | None, int | None, str], str] = {}
        self._rows: dict[str, dict[str, object]] = {}

    def id_of(self, course: Course) -> str:
        """Return the id of a course's plan."""
        # By the identity of the steps, which the course keeps alive: to hash them takes longer than all the rest.
        shared = (id(course.steps), course.acknowledge_by, course.acknowledged_for, course.policy)
        if shared not in self._ids:
            row = {
                "policy": course.policy,
                "steps": _encode(course.steps).decode(),
                "acknowledge_by": course.acknowledge_by,
                "acknowledged_for": course.acknowledged_for,
            }
            found = hashlib.sha256(_encode(row)).hexdigest()[:32]
            self._ids[shared] = found
            self._rows[found] = {"id": found, **row}
        return self._ids[shared]

    def json(self) -> str:
        """Return the rows of the plans as INSERT_PLANS takes them."""
        return _encode(list(self._rows.values())).decode()


def course_of(row: Stored) -> Course:
    """Return the course that a row of SELECT_COURSES holds."""
    return Course(
        alert_id=row["alert_id"],
        policy=row["policy"],
        opened_at=row["opened_at"],
        steps=_decode_steps(row["steps"]),
        position=row["position"],
        next_at=row["next_at"],
        state=CourseState(row["state"]),
        acknowledge_by=row["acknowledge_by"],
        acknowledged_for=row["acknowledged_for"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_until=row["acknowledged_until"],
    )


async def copy_courses(driver: "asyncpg.Connection[asyncpg.Record]", courses: Sequence[Course]) -> None:
    """Write the courses of alerts that have just opened, any number of them."""
    if not courses:
        return
    plans = Plans()
    lines = [_line(course, plans.id_of(course)) for course in sorted(courses, key=lambda course: course.alert_id)]
    await driver.execute(INSERT_PLANS, plans.json())
    await driver.copy_to_table(
        "course",
        schema_name="notifier",
        columns=COLUMNS,
        source=pieces([copying.escaped(lines)]),
        delimiter=copying.DELIMITER,
        null=copying.NULL,
    )


async def write_courses(
    driver: "asyncpg.Connection[asyncpg.Record]", courses: Iterable[Course], statement: str
) -> None:
    """Write a few courses by INSERT_COURSES or UPDATE_COURSES."""
    plans = Plans()
    rows = [_row(course, plans.id_of(course)) for course in courses]
    if rows:
        await driver.execute(INSERT_PLANS, plans.json())
        await driver.execute(statement, _encode(rows).decode())


def _row(course: Course, plan: str) -> dict[str, object]:
    row = {name: getattr(course, name) for name in COLUMNS if name != "plan"}
    return {**row, "plan": plan}


def _line(course: Course, plan: str) -> str:
    return copying.DELIMITER.join(
        (
            course.alert_id,
            plan,
            course.opened_at.isoformat(),
            str(course.position),
            copying.NULL if course.next_at is None else course.next_at.isoformat(),
            course.state,
            copying.NULL,
            copying.NULL,
            copying.NULL,
        )
    )
