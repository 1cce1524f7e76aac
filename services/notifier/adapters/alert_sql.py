"""The statements of the alert store. Rows come as one JSON array, so every statement takes a batch of any size."""

LOCK = "SELECT pg_advisory_xact_lock(3496, 1)"

ALERTS = """
SELECT DISTINCT ON (a.unit, a.node, a.cell)
       a.unit, a.node, a.cell, a.occurrence, a.opened_as, a.kind, a.opened_at, a.opened_cause, a.revision, a.breaches,
       a.evidence::text AS evidence, a.ended_at, a.end_reason, a.end_cause
  FROM unnest(CAST(:units AS text[]), CAST(:nodes AS text[])) AS k (unit, node)
  JOIN notifier.alert AS a USING (unit, node)
 ORDER BY a.unit, a.node, a.cell, a.occurrence DESC
"""

MARKS = """
SELECT m.unit, m.node, m.node_kind, m.status, m.reason, m.sequence, m.occurred_at
  FROM unnest(CAST(:units AS text[]), CAST(:nodes AS text[])) AS k (unit, node)
  JOIN notifier.node_mark AS m USING (unit, node)
"""

SAVE_ALERTS = """
INSERT INTO notifier.alert (id, unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision,
                            breaches, evidence, ended_at, end_reason, end_cause)
SELECT id, unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches,
       evidence, ended_at, end_reason, end_cause
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       id text, unit text, node text, cell text, occurrence int, opened_as text, kind text, opened_at timestamptz,
       opened_cause text, revision int, breaches int, evidence jsonb, ended_at timestamptz, end_reason text,
       end_cause text)
    ON CONFLICT (id) DO UPDATE
   SET kind = excluded.kind, opened_at = excluded.opened_at, revision = excluded.revision,
       evidence = excluded.evidence, ended_at = excluded.ended_at, end_reason = excluded.end_reason,
       end_cause = excluded.end_cause
"""

SAVE_MARKS = """
INSERT INTO notifier.node_mark (unit, node, node_kind, status, reason, sequence, occurred_at)
SELECT unit, node, node_kind, status, reason, sequence, occurred_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       unit text, node text, node_kind text, status text, reason text, sequence bigint, occurred_at timestamptz)
    ON CONFLICT (unit, node) DO UPDATE
   SET status = excluded.status, reason = excluded.reason, sequence = excluded.sequence,
       occurred_at = excluded.occurred_at
"""

SAVE_ROLLUPS = """
INSERT INTO notifier.rollup_change (sequence, unit, node, node_kind, from_status, to_status, to_reason, cause,
                                    occurred_at)
SELECT sequence, unit, node, node_kind, from_status, to_status, to_reason, cause, occurred_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       sequence bigint, unit text, node text, node_kind text, from_status text, to_status text, to_reason text,
       cause text, occurred_at timestamptz)
    ON CONFLICT (sequence) DO NOTHING
"""

# The unique key is the promise of the ledger: nobody is told the same thing twice.
INSERT_ENTRIES = """
INSERT INTO notifier.ledger (subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,
                             channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason, due_at)
SELECT subject, kind, alert_id, unit, node, cell, as_of, cause, sequence, responsible_unit, role,
       channel, address, dispatch, clauses, gap_vi, no_address_units, status, reason,
       statement_timestamp() + make_interval(secs => wait_seconds)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       subject text, kind text, alert_id text, unit text, node text, cell text, as_of date, cause text,
       sequence bigint, responsible_unit text, role text, channel text, address text, dispatch text, clauses text[],
       gap_vi text, no_address_units text[], status text, reason text, wait_seconds double precision)
    ON CONFLICT ON CONSTRAINT ledger_once"""
SAVE_ENTRIES = f"{INSERT_ENTRIES} DO NOTHING"

SUPERSEDE_CLOSED = """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE alert_id = ANY(CAST(:ids AS text[])) AND status = 'waiting'
"""

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
 WHERE l.alert_id = ANY(CAST(:ids AS text[])) AND l.kind IN ('opened', 'ruleset_change')
 ORDER BY l.alert_id, l.responsible_unit, l.role, l.channel, l.address, l.id
    ON CONFLICT ON CONSTRAINT ledger_once DO NOTHING
"""

SUPERSEDE_DATA_LOST = """
UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
 WHERE alert_id = ANY(CAST(:ids AS text[])) AND kind = 'data_lost' AND status = 'waiting'
"""

# Data that came a moment late: nobody was told that it is missing, so nobody is told that it is there.
SUPERSEDE_GAPS = """
WITH untold AS (
    UPDATE notifier.ledger SET status = 'superseded', settled_at = clock_timestamp()
     WHERE alert_id = ANY(CAST(:ids AS text[])) AND kind IN ('opened', 'ruleset_change') AND status = 'waiting'
    RETURNING alert_id, responsible_unit, role, channel, address)
UPDATE notifier.ledger AS r SET status = 'superseded', settled_at = clock_timestamp()
  FROM untold AS u
 WHERE r.alert_id = u.alert_id AND r.responsible_unit = u.responsible_unit AND r.role = u.role
   AND r.channel = u.channel AND r.address = u.address AND r.kind = 'resolved' AND r.status = 'waiting'
"""

# A breach that has passed before its mail left: both are told in one message, at the time of the first.
TELL_TOGETHER = """
UPDATE notifier.ledger AS r SET due_at = o.due_at
  FROM notifier.ledger AS o
 WHERE r.alert_id = ANY(CAST(:ids AS text[])) AND r.kind = 'resolved' AND r.status = 'waiting'
   AND o.alert_id = r.alert_id AND o.kind IN ('opened', 'ruleset_change') AND o.status = 'waiting'
   AND o.responsible_unit = r.responsible_unit AND o.role = r.role
   AND o.channel = r.channel AND o.address = r.address
"""
