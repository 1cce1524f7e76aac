"""The statements of the alert store, each for a batch of any size.

What was never stored is copied in, and what was is updated. The statements with a JSON array of rows
(SAVE_...) do either: they are for changes that were told before, in another message.
"""

# One row, which whoever decides about alerts holds until its commit: one replica at a time. Taken before any other row,
# so that replicas which share a message wait for each other and never deadlock. A token that is not the last one of
# this process says that another has decided since.
# All that follows finds single rows by their keys. In a new database nothing is known yet of how large the tables are,
# and a plan made for small ones, which reads whole tables, would be kept.
TURN = """
INSERT INTO notifier.turn AS t (id, token) VALUES (1, :token)
    ON CONFLICT (id) DO UPDATE SET token = excluded.token, previous = t.token
RETURNING previous, silence_changes, clock_timestamp() AS now, set_config('enable_seqscan', 'off', true),
          set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

# Told by the turn's row, which is read as it stands once it is held: a snapshot taken before the wait for it would miss
# the silence that was waited for.
SILENCE_CHANGED = "UPDATE notifier.turn SET silence_changes = silence_changes + 1 WHERE id = 1"

SILENCES = """
SELECT id, author, reason, starts_at, ends_at, units, nodes, responsible_units
  FROM notifier.silence WHERE ended_at IS NULL ORDER BY id
"""

# The id of an alert begins with its unit and node, each with a colon behind it; a semicolon comes next.
ALERTS = """
SELECT DISTINCT ON (a.unit, a.node, a.cell)
       a.unit, a.node, a.cell, a.occurrence, a.opened_as, a.kind, a.opened_at, a.opened_cause, a.revision, a.breaches,
       a.evidence, a.ended_at, a.end_reason, a.end_cause, a.openings, a.flapping
  FROM unnest($1::text[], $2::text[]) AS k (unit, node)
  JOIN notifier.alert AS a
    ON a.id >= k.unit || ':' || k.node || ':' AND a.id < k.unit || ':' || k.node || ';'
 ORDER BY a.unit, a.node, a.cell, a.occurrence DESC
"""

MARKS = """
SELECT m.unit, m.node, m.status, m.reason, m.sequence, m.occurred_at
  FROM unnest($1::text[], $2::text[]) AS k (unit, node)
  JOIN notifier.node_mark AS m USING (unit, node)
"""

# Every column of the updates comes as one text, its values joined: an array parameter costs its sender five times that.
UPDATE_ALERTS = """
UPDATE notifier.alert AS a
   SET kind = r.kind, opened_at = r.opened_at, revision = r.revision, evidence = r.evidence, ended_at = r.ended_at,
       end_reason = r.end_reason, end_cause = r.end_cause, openings = CAST(r.openings AS timestamptz[]),
       flapping = r.flapping
  FROM unnest(string_to_array($1, E'\\x1f'), string_to_array($2, E'\\x1f'),
              string_to_array($3, E'\\x1f')::timestamptz[], string_to_array($4, E'\\x1f')::int[],
              string_to_array($5, E'\\x1f'), string_to_array($6, E'\\x1f', '-')::timestamptz[],
              string_to_array($7, E'\\x1f', '-'), string_to_array($8, E'\\x1f', '-'),
              string_to_array($9, E'\\x1f'), string_to_array($10, E'\\x1f')::boolean[])
       AS r (id, kind, opened_at, revision, evidence, ended_at, end_reason, end_cause, openings, flapping)
 WHERE a.id = r.id
"""

UPDATE_MARKS = """
UPDATE notifier.node_mark AS m
   SET status = r.status, reason = r.reason, sequence = r.sequence, occurred_at = r.occurred_at
  FROM unnest(string_to_array($1, E'\\x1f'), string_to_array($2, E'\\x1f'), string_to_array($3, E'\\x1f'),
              string_to_array($4, E'\\x1f'), string_to_array($5, E'\\x1f')::bigint[],
              string_to_array($6, E'\\x1f')::timestamptz[])
       AS r (unit, node, status, reason, sequence, occurred_at)
 WHERE m.unit = r.unit AND m.node = r.node
"""

SAVE_ALERTS = """
INSERT INTO notifier.alert (id, unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision,
                            breaches, evidence, ended_at, end_reason, end_cause, openings, flapping)
SELECT id, unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches,
       evidence, ended_at, end_reason, end_cause, openings, flapping
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       id text, unit text, node text, cell text, occurrence int, opened_as text, kind text, opened_at timestamptz,
       opened_cause text, revision int, breaches int, evidence text, ended_at timestamptz, end_reason text,
       end_cause text, openings timestamptz[], flapping boolean)
    ON CONFLICT (id) DO UPDATE
   SET kind = excluded.kind, opened_at = excluded.opened_at, revision = excluded.revision,
       evidence = excluded.evidence, ended_at = excluded.ended_at, end_reason = excluded.end_reason,
       end_cause = excluded.end_cause, openings = excluded.openings, flapping = excluded.flapping
"""

SAVE_MARKS = """
INSERT INTO notifier.node_mark (unit, node, status, reason, sequence, occurred_at)
SELECT unit, node, status, reason, sequence, occurred_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       unit text, node text, status text, reason text, sequence bigint, occurred_at timestamptz)
    ON CONFLICT (unit, node) DO UPDATE
   SET status = excluded.status, reason = excluded.reason, sequence = excluded.sequence,
       occurred_at = excluded.occurred_at
"""

SAVE_ROLLUPS = """
INSERT INTO notifier.rollup_change (unit, occurred_at, node, sequence, node_kind, from_status, to_status, to_reason,
                                    cause)
SELECT unit, occurred_at, node, sequence, node_kind, from_status, to_status, to_reason, cause
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       unit text, occurred_at timestamptz, node text, sequence bigint, node_kind text, from_status text,
       to_status text, to_reason text, cause text)
    ON CONFLICT (unit, occurred_at, node, sequence) DO NOTHING
"""

# The unique key is the promise of the ledger: nobody is told the same thing twice.
INSERT_ENTRIES = """
INSERT INTO notifier.ledger (subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,
                             channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason, held_for,
                             due_at)
SELECT subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,
       channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason, held_for,
       statement_timestamp() + make_interval(secs => wait_seconds)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       subject text, kind text, alert_id text, unit text, node text, cell text, as_of date, cause text,
       sequence bigint, responsible_unit text, role text, channel text, address text, dispatch text, clauses text[],
       gap_vi text, no_address_units text[], status text, reason text, held_for text, wait_seconds double precision)
    ON CONFLICT ON CONSTRAINT ledger_once"""
SAVE_ENTRIES = f"{INSERT_ENTRIES} DO NOTHING"

# What an acknowledgement took back before it left is told when its step comes again: so far nobody was told it.
SAVE_URGED = f"""{INSERT_ENTRIES} DO UPDATE
   SET status = 'waiting', as_of = excluded.as_of, due_at = excluded.due_at, own_due_at = NULL,
       held_for = excluded.held_for, settled_at = NULL
 WHERE ledger.status = 'superseded' AND ledger.delivery_id IS NULL"""

# What was not sent, as the audit keeps it.
_GONE = "id, alert_id, subject, kind, responsible_unit, role, channel, address, dispatch"


def _of(alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in _GONE.split(", "))


def _superseding(because: str, update: str, alias: str = "ledger") -> str:
    """Return an update of the ledger that also writes, for each alert of it, a line of the audit with what it took."""
    return f"""
WITH gone AS ({update}
RETURNING {_of(alias)})
{_told(because)}
"""


def _told(because: str, gone: str = "gone") -> str:
    return f"""INSERT INTO notifier.audit (kind, alert_id, actor, details)
SELECT 'superseded', alert_id, 'datchuan', CAST(json_build_object(
       'because', '{because}', 'dispatch', max(dispatch), 'unsent', json_agg(json_build_object(
           'notice', kind, 'unit', responsible_unit, 'role', role, 'channel', channel, 'address', address)
           ORDER BY id)) AS text)
  FROM {gone} GROUP BY alert_id"""


SUPERSEDE_CLOSED = _superseding(
    "closed",
    """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE alert_id = ANY($1::text[]) AND status = 'waiting' AND kind <> 'flapping'""",
)

# A closed alert brings no mail (it is neither good nor bad news), but the ledger says for whom it ended.
RECORD_CLOSED = """
INSERT INTO notifier.ledger (subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,
                             channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason, due_at,
                             settled_at)
SELECT DISTINCT ON (l.alert_id, l.responsible_unit, l.role, l.channel, l.address)
       l.alert_id, 'closed', l.alert_id, l.unit, l.node, l.cell, l.as_of, a.end_cause, l.sequence, l.responsible_unit,
       l.role, l.channel, l.address, l.dispatch, l.clauses, l.gap_vi, l.no_address_units, 'recorded', a.end_reason,
       clock_timestamp(), clock_timestamp()
  FROM notifier.ledger AS l JOIN notifier.alert AS a ON a.id = l.alert_id
 WHERE l.alert_id = ANY($1::text[])
   AND l.kind IN ('opened', 'ruleset_change', 'data_lost', 'flapping', 'at_risk', 'escalated')
 ORDER BY l.alert_id, l.responsible_unit, l.role, l.channel, l.address, l.id
    ON CONFLICT ON CONSTRAINT ledger_once DO NOTHING
"""

# Of an alert that flips often (dao động) only what it comes to is told: of its earlier occurrences nothing that waits.
# An end is left out only for those who are told of the newest occurrence: whoever is not (a unit above that an earlier
# one was reported to, an old address) has nothing else to hear it by.
SUPERSEDE_FLIPS = _superseding(
    "began_again",
    """
UPDATE notifier.ledger AS l SET status = 'superseded', settled_at = clock_timestamp()
  FROM unnest($1::text[], $2::text[]) AS k (earlier, newest) CROSS JOIN LATERAL (
       SELECT w.id FROM notifier.ledger AS w JOIN notifier.alert AS a ON a.id = w.alert_id
        WHERE w.alert_id = k.earlier AND w.status || '' = 'waiting' AND a.flapping
          AND (w.kind IN ('opened', 'ruleset_change', 'data_lost') OR (w.kind = 'resolved' AND EXISTS (
              SELECT FROM notifier.ledger AS n
               WHERE n.alert_id = k.newest AND n.responsible_unit = w.responsible_unit AND n.role = w.role
                 AND n.channel = w.channel AND n.address = w.address)))
       OFFSET 0) AS found
 WHERE l.id = found.id""",
    "l",
)

_WAITING_URGED = """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE alert_id = ANY($1::text[]) AND kind IN ('reminder', 'escalated') AND status = 'waiting'"""

# Nobody is reminded of what is over, or in hand.
SUPERSEDE_URGED = _superseding("ended", _WAITING_URGED)
TAKE_BACK_URGED = f"""
WITH gone AS ({_WAITING_URGED}
RETURNING {_GONE}),
told AS ({_told("acknowledged")})
SELECT subject FROM gone
"""

SUPERSEDE_DATA_LOST = _superseding(
    "data_back",
    """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE alert_id = ANY($1::text[]) AND kind = 'data_lost' AND status = 'waiting'""",
)

# Where entries are paired by their alerts, columns of other indexes are compared as expressions (|| ''): an index of
# what waits, or of addresses, which many alerts share, would be taken without statistics, and read once for each.

# Data that came a moment late: who was not told that it is missing is not told that it is there.
SUPERSEDE_GAPS = f"""
WITH untold AS (
    UPDATE notifier.ledger AS o SET status = 'superseded', settled_at = clock_timestamp()
     WHERE o.alert_id = ANY($1::text[]) AND o.kind IN ('opened', 'ruleset_change') AND o.status = 'waiting'
       AND NOT EXISTS (
           SELECT FROM notifier.ledger AS t
            WHERE t.alert_id = o.alert_id AND t.responsible_unit = o.responsible_unit AND t.role = o.role
              AND t.channel = o.channel AND t.address = o.address AND t.status NOT IN ('waiting', 'superseded'))
    RETURNING {_GONE}),
unheard AS (
UPDATE notifier.ledger AS r SET status = 'superseded', settled_at = clock_timestamp()
  FROM untold AS u
 WHERE r.alert_id = u.alert_id AND r.responsible_unit = u.responsible_unit AND r.role = u.role
   AND r.channel = u.channel AND r.address || '' = u.address AND r.kind = 'resolved' AND r.status = 'waiting'
    RETURNING {_of("r")})
{_told("data_late", "(SELECT * FROM untold UNION ALL SELECT * FROM unheard) AS gone")}
"""

# A breach that has passed before its mail left: both are told in one message, at the time of the first, and held for
# what holds that.
TELL_TOGETHER = """
UPDATE notifier.ledger AS r SET due_at = o.due_at, own_due_at = o.own_due_at, held_for = o.held_for
  FROM notifier.ledger AS o
 WHERE r.alert_id = ANY($1::text[]) AND r.kind = 'resolved' AND r.status = 'waiting'
   AND o.alert_id = r.alert_id AND o.kind IN ('opened', 'ruleset_change') AND o.status = 'waiting'
   AND o.responsible_unit = r.responsible_unit AND o.role = r.role
   AND o.channel = r.channel AND o.address || '' = r.address || ''
"""

# Of an alert that flips often (dao động) nothing is told before it has been calm: its beginning waits for its end.
CALM_TOGETHER = """
UPDATE notifier.ledger AS o SET due_at = r.due_at, own_due_at = r.own_due_at, held_for = r.held_for
  FROM notifier.ledger AS r
 WHERE r.alert_id = ANY($1::text[]) AND r.kind = 'resolved' AND r.status = 'waiting'
   AND o.alert_id = r.alert_id AND o.kind IN ('opened', 'ruleset_change') AND o.status = 'waiting'
   AND o.responsible_unit = r.responsible_unit AND o.role = r.role
   AND o.channel = r.channel AND o.address || '' = r.address || ''
"""

# What waits of an earlier occurrence, an end in a digest, leaves with the news that it has begun again, if that leaves
# first: what an addressee reads last is how it stands.
TELL_IN_ORDER = """
UPDATE notifier.ledger AS l SET due_at = found.due_at, own_due_at = found.own_due_at, held_for = found.held_for
  FROM unnest($1::text[], $2::text[]) AS k (earlier, newest) CROSS JOIN LATERAL (
       SELECT r.id, o.due_at, o.own_due_at, o.held_for FROM notifier.ledger AS o JOIN notifier.ledger AS r
           ON o.responsible_unit = r.responsible_unit AND o.role = r.role
          AND o.channel = r.channel AND o.address || '' = r.address || ''
        WHERE o.alert_id = k.newest AND o.kind IN ('opened', 'ruleset_change', 'flapping')
          AND o.status || '' = 'waiting' AND r.alert_id = k.earlier
          AND r.kind IN ('opened', 'ruleset_change', 'data_lost', 'resolved')
          AND r.status || '' = 'waiting' AND r.due_at - o.due_at > interval '0'
       OFFSET 0) AS found
 WHERE l.id = found.id
"""

# Who is not told of the end (by the choice of policies.yaml) is not told of a beginning that is over, either.
SUPERSEDE_UNHEARD = _superseding(
    "unheard",
    """
UPDATE notifier.ledger AS o SET status = 'superseded', settled_at = clock_timestamp()
 WHERE o.alert_id = ANY($1::text[]) AND o.kind IN ('opened', 'ruleset_change') AND o.status = 'waiting'
   AND NOT EXISTS (
       SELECT FROM notifier.ledger AS r
        WHERE r.alert_id = o.alert_id AND r.kind = 'resolved' AND r.responsible_unit = o.responsible_unit
          AND r.role = o.role AND r.channel = o.channel AND r.address = o.address)""",
    "o",
)
