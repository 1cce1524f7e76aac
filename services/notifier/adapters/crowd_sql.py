"""The statements for crowds: addresses with more due entries than one message names. The entries stay in place."""

from services.notifier.adapters.outbox_sql import DUE_COLUMNS

# What leaves as a message of its own, and what a machine reads item by item, is never summed up. The first bound is one
# that the index of what waits knows: what is held until tomorrow is not looked at.
_OF_A_CROWD = """
       status = 'waiting' AND channel <> 'webhook' AND kind NOT IN ('report', 'drill')
   AND due_at <= statement_timestamp() + make_interval(secs => greatest(CAST(:window_seconds AS double precision), 2))
   AND due_at <= statement_timestamp() + CASE WHEN held_for IS NULL
       THEN make_interval(secs => :window_seconds) ELSE interval '2 seconds' END
"""

CROWDS = f"""
WITH crowd AS MATERIALIZED (
    SELECT channel, address, min(due_at) AS since FROM notifier.ledger
     WHERE {_OF_A_CROWD}
     GROUP BY channel, address HAVING count(*) > :most)
SELECT c.channel, c.address FROM crowd AS c
 WHERE NOT EXISTS (SELECT FROM notifier.delivery AS d
                    WHERE d.channel = c.channel AND d.address = c.address
                      AND d.stored_at > statement_timestamp() - make_interval(secs => :pause_seconds))
 ORDER BY c.since
"""

# An alert that opened and resolved in one message is one topic, as in a message that names its items.
TAKE_CROWD = f"""
WITH taken AS (
    SELECT id, kind, coalesce(alert_id, subject) AS topic, unit, node FROM notifier.ledger
     WHERE {_OF_A_CROWD} AND channel = :channel AND address = :address FOR UPDATE SKIP LOCKED),
grouped AS (
    UPDATE notifier.ledger AS l SET status = 'grouped', delivery_id = :delivery_id FROM taken WHERE l.id = taken.id),
topic AS (
    SELECT topic, min(unit) AS unit, min(node) AS node, min(kind) AS kind, bool_or(kind = 'resolved') AS is_resolved
      FROM taken GROUP BY topic)
SELECT 'kind' AS what, CASE WHEN is_resolved THEN 'resolved' ELSE kind END AS label, node, count(*) AS amount
  FROM topic GROUP BY label, node
UNION ALL
SELECT 'unit', unit, '', count(*) FROM topic GROUP BY unit
"""

FIRST_OF_CROWD = f"""
SELECT {DUE_COLUMNS}
  FROM notifier.ledger AS l WHERE l.delivery_id = :delivery_id
 ORDER BY l.kind <> 'escalated', l.kind <> 'opened', l.due_at, l.id LIMIT :most
"""

# A summary that could not be written: its entries end with it.
FAIL_CROWD = """
UPDATE notifier.ledger SET status = 'dead', settled_at = clock_timestamp()
 WHERE delivery_id = ANY(CAST(:ids AS text[])) AND status = 'grouped'
"""
