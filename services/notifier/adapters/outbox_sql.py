"""The statements of the outbox: due entries become deliveries, deliveries are claimed by one sender and end."""

# One replica groups at a time, so that an address gets one message and not one from each replica.
# All that follows finds rows by their keys; without statistics, in a new database, a plan might read whole tables.
TRY_LOCK = """
SELECT pg_try_advisory_xact_lock(3496, 2), set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

# An address that gets a message gets with it what would be due within the next window: a burst that lasts makes one
# message per window, not one per round. Address by address, so that one with little news never gets it in parts because
# another has much. Only the oldest entries are looked at, and then those of their addresses: a storm leaves a hundred
# times as many waiting as one round takes.
# SKIP LOCKED: rows that a running decision about alerts is changing are left to the next round, never waited for.
DUE = """
WITH oldest AS (
    SELECT channel, address, due_at FROM notifier.ledger
     WHERE status = 'waiting' AND due_at <= statement_timestamp() ORDER BY due_at LIMIT :entries),
place AS (
    SELECT channel, address, min(due_at) AS since FROM oldest GROUP BY channel, address ORDER BY since LIMIT :addresses)
SELECT l.id, l.subject, l.kind, l.alert_id, l.unit, l.node, l.cell, l.as_of, l.cause, l.sequence, l.responsible_unit,
       l.role, l.channel, l.address, l.dispatch, l.clauses, l.gap_vi, l.no_address_units
  FROM notifier.ledger AS l JOIN place USING (channel, address)
 WHERE l.status = 'waiting' AND l.due_at <= statement_timestamp() + make_interval(secs => :window_seconds)
 ORDER BY place.since, l.channel, l.address, l.due_at, l.id LIMIT :entries
   FOR UPDATE OF l SKIP LOCKED
"""

ALERTS = """
SELECT unit, node, cell, occurrence, opened_as, kind, opened_at, opened_cause, revision, breaches,
       evidence, ended_at, end_reason, end_cause
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

THREADS = """
SELECT DISTINCT l.address, l.alert_id, d.message_id, d.created_at
  FROM notifier.ledger AS l JOIN notifier.delivery AS d ON d.id = l.delivery_id
 WHERE l.alert_id = ANY(CAST(:ids AS text[])) AND l.address = ANY(CAST(:addresses AS text[]))
   AND d.status NOT IN ('dead', 'replaced', 'discarded')
 ORDER BY d.created_at
"""

SAVE_DELIVERIES = """
INSERT INTO notifier.delivery (id, channel, address, message_id, thread, subject, body, payload, created_at, status,
                               attempts, server_reply)
SELECT id, channel, address, message_id, "references", subject, body, payload, created_at,
       CASE WHEN failure IS NULL THEN 'pending' ELSE 'dead' END, 0, failure
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       id text, channel text, address text, message_id text, "references" text[], subject text, body text,
       payload text, created_at timestamptz, failure text)
"""

GROUP_ENTRIES = """
UPDATE notifier.ledger AS l
   SET status = CASE WHEN r.failed THEN 'dead' ELSE 'grouped' END, delivery_id = r.delivery_id,
       settled_at = CASE WHEN r.failed THEN clock_timestamp() END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, delivery_id text, failed boolean)
 WHERE l.id = r.id
"""

TAKE = """
UPDATE notifier.delivery AS d
   SET status = 'sending', attempts = d.attempts + 1, sender = :sender,
       next_attempt_at = clock_timestamp() + make_interval(secs => :lease_seconds)
  FROM (SELECT id FROM notifier.delivery
         WHERE channel = :channel AND status IN ('pending', 'retry', 'sending')
           AND next_attempt_at <= statement_timestamp()
         ORDER BY next_attempt_at LIMIT :limit FOR UPDATE SKIP LOCKED) AS due
 WHERE d.id = due.id
RETURNING d.id, d.channel, d.address, d.message_id, d.thread AS "references", d.subject, d.body, d.payload,
          d.created_at, d.attempts
"""

# What was taken by the receiver is sent, whoever else believes to be sending it, to have given it up, or to be about to
# tell it anew: an entry keeps the delivery that carried it until it is in another.
SENT = """
WITH done AS (
    UPDATE notifier.delivery SET status = 'sent', server_reply = :reply, settled_at = clock_timestamp()
     WHERE id = :id AND status <> 'sent' RETURNING id)
UPDATE notifier.ledger AS l SET status = 'sent', settled_at = clock_timestamp()
  FROM done WHERE l.delivery_id = done.id AND l.status <> 'sent'
"""

# A sender whose claim has run out decides nothing any more: the one that took over does.
DEAD = """
WITH done AS (
    UPDATE notifier.delivery SET status = 'dead', server_reply = :reply, settled_at = clock_timestamp()
     WHERE id = :id AND status = 'sending' AND attempts = :attempts RETURNING id)
UPDATE notifier.ledger AS l SET status = 'dead', settled_at = clock_timestamp()
  FROM done WHERE l.delivery_id = done.id AND l.status = 'grouped'
"""

RETRY = """
UPDATE notifier.delivery
   SET status = 'retry', server_reply = :reply,
       next_attempt_at = clock_timestamp() + make_interval(secs => :wait_seconds)
 WHERE id = :id AND status = 'sending' AND attempts = :attempts
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
SELECT 'waiting', '', count(*) FROM notifier.ledger WHERE status = 'waiting'
"""
