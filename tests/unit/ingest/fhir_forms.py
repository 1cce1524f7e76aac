"""MeasureReports as real systems write them, small; and reading of them with a profile."""

from typing import Any

PERIOD = {"start": "2024-09-01", "end": "2024-09-30"}
GENDER = "gender"


def concept(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://example.org/codes", "code": code} for code in codes]}


def population(code: str, count: Any) -> dict[str, Any]:
    return {"code": concept(code), "count": count}


def ratio(numerator: Any, denominator: Any) -> list[dict[str, Any]]:
    return [
        population("initial-population", denominator),
        population("numerator", numerator),
        population("denominator", denominator),
    ]


def a_group(code: str | None = "KIDS", **fields: Any) -> dict[str, Any]:
    head = {} if code is None else {"code": concept(code)}
    return head | fields


def a_measure_report(*groups: dict[str, Any], **fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": "http://example.org/Measure/some-measure|1.0.0",
        "subject": {"identifier": {"value": "C1"}},
        "date": "2024-10-02T08:30:00+07:00",
        "period": PERIOD,
        "group": list(groups),
    }
    return {name: value for name, value in (known | fields).items() if value is not None}


def a_bundle(*resources: Any, **fields: Any) -> dict[str, Any]:
    entries = [resource if "resourceType" not in resource else {"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries} | fields


def component(name: str, option: str) -> dict[str, Any]:
    return {"code": concept(name), "value": concept(option)}


def by_sex_in_deqm(cells: dict[str, tuple[int, int]], code: str = "RATE") -> dict[str, Any]:
    """DEQM: the stratifier has a code, the stratum a value and populations."""
    strata = [{"value": concept(sex), "population": ratio(*numbers)} for sex, numbers in cells.items()]
    total = [sum(number) for number in zip(*cells.values(), strict=True)]
    stratifier = {"code": [concept(GENDER)], "stratum": strata}
    return a_measure_report(a_group(code, population=ratio(*total), stratifier=[stratifier]))


def by_sex_in_madx(cells: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """The way of mADX: a group for each part, counts in initial-population and in the scores of the strata."""

    def group(code: str, which: int) -> dict[str, Any]:
        strata = [
            {"component": [component(GENDER, sex)], "measureScore": {"value": numbers[which]}}
            for sex, numbers in cells.items()
        ]
        total = sum(numbers[which] for numbers in cells.values())
        return a_group(code, population=[population("initial-population", total)], stratifier=[{"stratum": strata}])

    return a_measure_report(group("RATE_N", 0), group("RATE_D", 1))


def by_sex_in_r5(cells: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """R5: single codes, the subject in the group, scores named by their type."""
    strata = [
        {
            "valueCodeableConcept": concept(sex),
            "population": ratio(*numbers),
            "measureScoreQuantity": {"value": 100 * numbers[0] / numbers[1], "code": "%"},
        }
        for sex, numbers in cells.items()
    ]
    group = a_group("RATE", linkId="g1", subject={"identifier": {"value": "C1"}}, population=[],
                    stratifier=[{"linkId": "s1", "code": concept(GENDER), "stratum": strata}])  # fmt: skip
    return a_measure_report(group, subject=None, dataUpdateType="snapshot", scoring=concept("proportion"))
