"""Names of the streams and consumer groups, and the partition that a unit belongs to: one stream per partition."""

from zlib import crc32

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


def partition_of(unit: str, partitions: int) -> int:
    """Return the partition of a unit, the same in every process and release.

    >>> [partition_of(unit, 4) for unit in ("X00000", "X00001", "X00002")]
    [1, 3, 1]
    """
    return 0 if partitions == 1 else crc32(unit.encode()) % partitions
