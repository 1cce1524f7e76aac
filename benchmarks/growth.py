"""Growth: what ten times the events and sixteen times the communes cost, from three runs of the suite."""

from benchmarks.figures import Goal, Result

SMALL_PROVINCE_EVENTS = 60_223
"""As many reports a commune as the national run of a million has: 301."""


def compare(name: str, province: Result, few: Result, many: Result, goals: tuple[Goal, ...] = ()) -> Result:
    """Compare the nation's run of `many` events with that of `few`, and with a province of as many events a commune."""
    few_seconds, many_seconds, province_seconds = (run.details["seconds"] for run in (few, many, province))
    return Result(
        name=name,
        what="ten times the events (nation 100k to 1M); 16.6 times the communes (province to nation, 301 each)",
        figures={
            "time_for_10x_events": round(many_seconds / few_seconds, 2),
            "time_per_event_for_16x_communes": round(
                (many_seconds / many.details["events"]) / (province_seconds / province.details["events"]), 2
            ),
        },
        goals=goals,
        details={
            "cpu_per_event_for_10x_events": round(_cpu(many) / _cpu(few), 2),
            "cpu_per_event_for_16x_communes": round(_cpu(many) / _cpu(province), 2),
            "oracle_time_for_10x_events": round(_oracle_seconds(many) / _oracle_seconds(few), 2),
            "oracle_time_per_event_for_16x_communes": round(
                province.details["oracle_events_per_s"] / many.details["oracle_events_per_s"], 2
            ),
        },
        wrong=(*province.wrong, *few.wrong, *many.wrong),
    )


def _cpu(run: Result) -> float:
    return run.figures["cpu_s_per_million"]


def _oracle_seconds(run: Result) -> float:
    return float(run.details["events"] / run.details["oracle_events_per_s"])
