"""Names of the streams and consumer groups. One stream per partition; so far partition 0 is the only one."""

INDICATOR_REPORTED = "datchuan.indicator.reported.v1"
VERDICT_CHANGED = "datchuan.verdict.changed.v1"
DEAD_LETTER = "datchuan.dead_letter.v1"

EVALUATOR_GROUP = "evaluator"
NOTIFIER_GROUP = "notifier"

MAX_EVENTS_PER_MESSAGE = 500


def partition_stream(stream: str, partition: int) -> str:
    """Return the name of one partition's stream.

    >>> partition_stream(INDICATOR_REPORTED, 0)
    'datchuan.indicator.reported.v1.p0'
    """
    return f"{stream}.p{partition}"
