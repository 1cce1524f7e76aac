"""The statements of the outbox: due entries become deliveries, deliveries are claimed by one sender and end."""

# One replica groups at a time, so that an address gets one message and not one from each replica.
# All that follows finds rows by their keys; without statistics, in a new database, a plan might read whole tables.
TRY_LOCK = """
SELECT pg_try_advisory_xact_lock(3496, 2), set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

# What a DueEntry is read from.
DUE_COLUMNS = """\
l.id, l.subject, l.kind, l.alert_id, l.unit, l.node, l.cell, l.as_of, l.cause, l.sequence, l.responsible_unit,
       l.role, l.channel, l.address, l.dispatch, l.clauses, l.gap_vi, l.no_address_units"""

# An address that gets a message gets with it what would be due within the next window: a burst that lasts makes one
# message per window, not one per round. Address by address, so that one with little news never gets it in parts because
# another has much. Only the oldest entries are looked at, and then those of their addresses: a storm leaves a hundred
# times as many waiting as one round takes.
# What is held (for a digest, office hours, a silence) is never pulled forward so: it leaves at its own time, together
# with what is held until the same moment; of that, the times written down differ by the clocks' fractions of a second.
# An address that got a message a moment ago waits for the pause to end: a storm that lasts cannot fill a mailbox.
# SKIP LOCKED: rows that a running decision about alerts is changing are left to the next round, never waited for.
DUE = f"""
WITH oldest AS (
    SELECT channel, address, due_at FROM notifier.ledger AS l
     WHERE status = 'waiting' AND due_at <= statement_timestamp()
       AND (kind IN ('report', 'drill') OR NOT EXISTS (
            SELECT FROM notifier.delivery AS d
             WHERE d.channel = l.channel AND d.address = l.address
               AND d.stored_at > statement_timestamp() - make_interval(secs => :pause_seconds)))
     ORDER BY due_at LIMIT :entries),
place AS (
    SELECT channel, address, min(due_at) AS since FROM oldest GROUP BY channel, address ORDER BY since LIMIT :addresses)
SELECT {DUE_COLUMNS}
  FROM notifier.ledger AS l JOIN place USING (channel, address)
 WHERE l.status = 'waiting' AND l.due_at <= statement_timestamp() + make_interval(secs => :window_seconds)
   AND (l.held_for IS NULL OR l.due_at <= statement_timestamp() + interval '2 seconds')
 ORDER BY place.since, l.channel, l.address, l.due_at, l.id LIMIT :entries
   FOR UPDATE OF l SKIP LOCKED
"""

ALERTS = """
SELECT unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches,
       evidence, ended_at, end_reason, end_cause, openings, flapping
  FROM notifier.alert WHERE id = ANY(CAST(:ids AS text[]))
"""

ROLLUPS = """
SELECT r.sequence, r.unit, r.node, r.node_kind, r.from_status, r.to_status, r.to_reason, r.cause, r.occurred_at
  FROM unnest(CAST(:units AS text[]), CAST(:nodes AS text[]), CAST(:sequences AS bigint[])) AS k (unit, node, sequence)
  JOIN notifier.rollup_change AS r USING (unit, node, sequence)
"""

# What was decided about a unit at the very moment at which an alert of it opened or ended.
CONSEQUENCES = """
SELECT a.id AS alert_id, r.sequence, r.unit, r.node, r.node_kind, r.from_status, r.to_status, r.to_reason, r.cause,
       r.occurred_at
  FROM notifier.alert AS a
  JOIN notifier.rollup_change AS r ON r.unit = a.unit AND r.occurred_at = COALESCE(a.ended_at, a.opened_at)
 WHERE a.id = ANY(CAST(:ids AS text[]))
 ORDER BY a.id, r.sequence
"""

COURSES = """
SELECT c.alert_id, p.policy, c.opened_at, p.steps, c.position, c.next_at, c.state, p.acknowledge_by, p.acknowledged_for,
       c.acknowledged_at, c.acknowledged_by, c.acknowledged_until
  FROM notifier.course AS c JOIN notifier.course_plan AS p ON p.id = c.plan
 WHERE c.alert_id = ANY(CAST(:ids AS text[]))
"""

MARKS = """
SELECT unit, node, status, reason, sequence, occurred_at FROM notifier.node_mark
 WHERE unit = ANY(CAST(:units AS text[])) ORDER BY unit, node
"""

THREADS = """
SELECT DISTINCT l.address, l.alert_id, d.message_id, d.created_at
  FROM notifier.ledger AS l JOIN notifier.delivery AS d ON d.id = l.delivery_id
 WHERE l.alert_id = ANY(CAST(:ids AS text[])) AND l.address = ANY(CAST(:addresses AS text[]))
   AND d.status NOT IN ('dead', 'replaced', 'discarded')
 ORDER BY d.created_at
"""

# What became of a try goes into the audit in the same statement: both are there, or neither.
TOLD_TO_AUDIT = "id, channel, address, message_id, attempts, server_reply, next_attempt_at"


def audit_of(kind: str, rows: str = "done") -> str:
    """Return the insertion of one line of the audit for each delivery in a list of rows with TOLD_TO_AUDIT."""
    again = ", 'next_attempt_at', next_attempt_at" if kind == "refused" else ""
    return f"""
    INSERT INTO notifier.audit (kind, delivery_id, actor, details)
    SELECT '{kind}', id, 'datchuan', CAST(json_build_object(
           'channel', channel, 'address', address, 'message_id', message_id, 'attempt', attempts,
           'reply', server_reply{again}) AS text)
      FROM {rows}"""


SAVE_DELIVERIES = f"""
WITH stored AS (
    INSERT INTO notifier.delivery (id, channel, address, message_id, thread, subject, body, payload, created_at, status,
                                   attempts, server_reply, report_id, html)
    SELECT id, channel, address, message_id, "references", subject, body, payload, created_at,
           CASE WHEN failure IS NULL THEN 'pending' ELSE 'dead' END, 0, failure, report_id, html
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
           id text, channel text, address text, message_id text, "references" text[], subject text, body text,
           payload text, created_at timestamptz, failure text, report_id text, html text)
    RETURNING {TOLD_TO_AUDIT}, status)
{audit_of("dead", "stored WHERE status = 'dead'")}
"""

GROUP_ENTRIES = """
UPDATE notifier.ledger AS l
   SET status = CASE WHEN r.failed THEN 'dead' ELSE 'grouped' END, delivery_id = r.delivery_id,
       settled_at = CASE WHEN r.failed THEN clock_timestamp() END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, delivery_id text, failed boolean)
 WHERE l.id = r.id
"""

# Lane by lane: however much waits in one, another is found at once. The lane with the fewest under way comes first, so
# that a slow one holds back nobody else. Of very many lanes some are looked at, those behind the last one taken first.
_NEXT_LANE = """SELECT d.lane FROM notifier.delivery AS d
             WHERE d.channel = :channel AND d.status IN ('pending', 'retry', 'sending')
               AND d.next_attempt_at <= statement_timestamp()"""

TAKE = f"""
WITH RECURSIVE ahead (name, n) AS (
    SELECT CAST(:after AS text), 0
    UNION ALL
    SELECT ({_NEXT_LANE} AND d.lane > ahead.name ORDER BY d.lane LIMIT 1), ahead.n + 1
      FROM ahead WHERE ahead.name IS NOT NULL AND ahead.n < :most_lanes),
behind (name, n) AS (
    SELECT ({_NEXT_LANE} ORDER BY d.lane LIMIT 1), 1
    UNION ALL
    SELECT ({_NEXT_LANE} AND d.lane > behind.name ORDER BY d.lane LIMIT 1), behind.n + 1
      FROM behind WHERE behind.name < CAST(:after AS text) AND behind.n < :most_lanes),
lane AS (
    SELECT name FROM ahead WHERE n > 0 AND name IS NOT NULL
    UNION
    SELECT name FROM behind WHERE name <= CAST(:after AS text)),
found AS MATERIALIZED (
    SELECT next.id, next.next_attempt_at, coalesce(busy.n, 0)
           + row_number() OVER (PARTITION BY lane.name ORDER BY next.next_attempt_at) AS place
      FROM lane
      LEFT JOIN unnest(CAST(:busy AS text[]), CAST(:counts AS integer[])) AS busy (name, n) USING (name)
     CROSS JOIN LATERAL (
           SELECT d.id, d.next_attempt_at FROM notifier.delivery AS d
            WHERE d.channel = :channel AND d.lane = lane.name AND d.status IN ('pending', 'retry', 'sending')
              AND d.next_attempt_at <= statement_timestamp()
            ORDER BY d.next_attempt_at LIMIT least(:limit, greatest(0, :per_lane - coalesce(busy.n, 0)))
              FOR UPDATE SKIP LOCKED) AS next)
UPDATE notifier.delivery AS d
   SET status = 'sending', attempts = d.attempts + 1, sender = :sender,
       next_attempt_at = clock_timestamp() + make_interval(secs => :lease_seconds)
  FROM (SELECT id FROM found ORDER BY place, next_attempt_at LIMIT :limit) AS due
 WHERE d.id = due.id
RETURNING d.id, d.channel, d.address, d.message_id, d.thread AS "references", d.subject, d.body, d.payload,
          d.created_at, d.attempts, d.report_id, d.html, d.lane
"""

REPORTS = """
SELECT id, content FROM notifier.report WHERE id = ANY(CAST(:ids AS text[]))
"""

WORKBOOKS = """
SELECT id, file_name, workbook FROM notifier.report WHERE id = ANY(CAST(:ids AS text[]))
"""

# What was taken by the receiver is sent, whoever else believes to be sending it, to have given it up, or to be about to
# tell it anew: an entry keeps the delivery that carried it until it is in another.
SENT = f"""
WITH done AS (
    UPDATE notifier.delivery SET status = 'sent', server_reply = :reply, settled_at = clock_timestamp()
     WHERE id = :id AND status <> 'sent' RETURNING {TOLD_TO_AUDIT}),
told AS ({audit_of("sent")})
UPDATE notifier.ledger AS l SET status = 'sent', settled_at = clock_timestamp()
  FROM done WHERE l.delivery_id = done.id AND l.status <> 'sent'
"""

# A sender whose claim has run out decides nothing any more: the one that took over does.
DEAD = f"""
WITH done AS (
    UPDATE notifier.delivery SET status = 'dead', server_reply = :reply, settled_at = clock_timestamp()
     WHERE id = :id AND status = 'sending' AND attempts = :attempts RETURNING {TOLD_TO_AUDIT}),
told AS ({audit_of("dead")})
UPDATE notifier.ledger AS l SET status = 'dead', settled_at = clock_timestamp()
  FROM done WHERE l.delivery_id = done.id AND l.status = 'grouped'
"""

RETRY = f"""
WITH done AS (
    UPDATE notifier.delivery
       SET status = 'retry', server_reply = :reply,
           next_attempt_at = clock_timestamp() + make_interval(secs => :wait_seconds)
     WHERE id = :id AND status = 'sending' AND attempts = :attempts RETURNING {TOLD_TO_AUDIT})
{audit_of("refused")}
"""

# Every count runs on a partial index over the few rows that are not finished; only the dead ones accumulate.
CENSUS = """
SELECT 'alert' AS what, kind AS label, count(*) AS amount FROM notifier.alert WHERE ended_at IS NULL GROUP BY kind
UNION ALL
SELECT 'delivery', status, count(*) FROM notifier.delivery
 WHERE status IN ('pending', 'retry', 'sending') GROUP BY status
UNION ALL
SELECT 'delivery', status, count(*) FROM notifier.delivery WHERE status = 'dead' GROUP BY status
UNION ALL
SELECT 'waiting', '', count(*) FROM notifier.ledger WHERE status = 'waiting' AND due_at <= statement_timestamp()
UNION ALL
SELECT 'held', held_for, count(*) FROM notifier.ledger
 WHERE status = 'waiting' AND held_for IS NOT NULL AND due_at > statement_timestamp() GROUP BY held_for
UNION ALL
SELECT 'course', state, count(*) FROM notifier.course WHERE next_at IS NOT NULL GROUP BY state
UNION ALL
SELECT 'unsealed', '', CAST(extract(epoch FROM statement_timestamp() - line.at) AS bigint)
  FROM (SELECT coalesce(max(number), 0) AS number FROM notifier.audit_block) AS newest
  LEFT JOIN notifier.audit_block AS b ON b.number = newest.number
 CROSS JOIN LATERAL (
       SELECT at FROM notifier.audit AS a
        WHERE (a.xid, a.id) > (coalesce(b.to_xid, 0), coalesce(b.last_id, 0)) AND a.id > coalesce(b.after_id, 0)
        ORDER BY a.xid, a.id LIMIT 1) AS line
"""
