"""ADX: groups of values, disaggregated by attributes of any name."""

from collections.abc import Awaitable, Callable

import pytest

from services.ingest.adapters.formats.xml_elements import MAX_EMPTY
from services.ingest.domain.errors import MalformedBodyError, PatientLevelDataError, UnsupportedRequestError
from services.ingest.domain.reading import PayloadFormat, Reading
from shared.contracts.vocabulary import Part, Stage
from shared.contracts.vocabulary import QuarantineReason as Reason

ReadAdx = Callable[..., Awaitable[Reading]]
GROUP = '<group orgUnit="C1" period="2024-09-01/P1M" dataSet="F">'


@pytest.fixture
def read_adx(read_body: Callable[..., Awaitable[Reading]]) -> ReadAdx:
    """Reads the groups of an ADX message; keywords are wishes."""

    async def run(groups: str, exported: str = "2024-10-02T08:30:00+07:00", **wishes: object) -> Reading:
        body = f'<?xml version="1.0"?>\n<adx xmlns="urn:ihe:qrph:adx:2015" exported="{exported}">{groups}</adx>'
        return await read_body(PayloadFormat.ADX, body.encode(), **wishes)

    return run


async def test_values_of_a_group_are_paired_by_their_disaggregation(read_adx: ReadAdx) -> None:
    reading = await read_adx(
        f'{GROUP}<dataValue dataElement="Members" sex="M" value="950"/>'
        '<dataValue dataElement="Members" SEX="F" value="900"/>'
        '<dataValue dataElement="Residents" sex="M" value="1000"/></group>'
    )

    assert [(draft.event.cell, draft.event.numerator, draft.event.denominator) for draft in reading.good] == [
        ("male", 950, 1000),
        ("female", 900, None),
    ]
    event = reading.good[0].event
    assert (event.period_start.isoformat(), event.period_end.isoformat()) == ("2024-09-01", "2024-09-30")
    assert event.observed_at.isoformat() == "2024-10-02T01:30:00+00:00"
    assert event.stage is None


async def test_an_option_combination_is_looked_up_by_its_name(read_adx: ReadAdx) -> None:
    (draft,) = (
        await read_adx(f'{GROUP}<dataValue dataElement="Cards" categoryOptionCombo="Female" value="1"/></group>')
    ).good

    assert (draft.event.cell, draft.event.part) == ("female", Part.NUMERATOR)


async def test_a_disaggregation_of_the_group_holds_for_its_values(read_adx: ReadAdx) -> None:
    group = GROUP.replace(">", ' sex="F">')

    (draft,) = (await read_adx(f'{group}<dataValue dataElement="Members" value="1"/></group>')).good

    assert draft.event.cell == "female"


async def test_a_complete_group_is_final_and_its_neighbour_is_not(read_adx: ReadAdx) -> None:
    complete = GROUP.replace(">", ' completeDate="2024-10-01" comment="x">')

    reading = await read_adx(
        f'{complete}<dataValue dataElement="Paper" value="1"/></group>'
        f'{GROUP.replace("09-01", "08-01")}<dataValue dataElement="Paper" value="1"/></group>'
    )

    assert [draft.event.stage for draft in reading.good] == [Stage.FINAL, None]


@pytest.mark.parametrize(
    ("period", "end"),
    [("2024-01-01/P9M", "2024-09-30"), ("2024-09-02/P7D", "2024-09-08"), ("2023-01-01/P1Y", "2023-12-31")],
)
async def test_durations_are_read(read_adx: ReadAdx, period: str, end: str) -> None:
    group = GROUP.replace("2024-09-01/P1M", period)

    (draft,) = (await read_adx(f'{group}<dataValue dataElement="Paper" value="1"/></group>')).good

    assert draft.event.period_end.isoformat() == end


async def test_places_are_xpaths_however_the_groups_are_filled(read_adx: ReadAdx) -> None:
    bad = '<dataValue dataElement="Nothing" value="1"/>'

    reading = await read_adx(f"{GROUP}{bad}</group>{GROUP}</group><x/>{GROUP}</group>{GROUP}{bad}<y/>{bad}</group>")

    assert [reading.place(row.row) for row in reading.bad] == [
        "/adx/group[1]/dataValue[1]",
        "/adx/group[4]/dataValue[1]",
        "/adx/group[4]/dataValue[2]",
    ]


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        pytest.param('dataElement="Stunted" value="0"><annotation>a remark</annotation>', 0, id="a remark on 0"),
        pytest.param('dataElement="Stunted" value="3"><annotation>7</annotation>', 3, id="a remark on a number"),
        pytest.param('dataElement="Stunted" value="0"><annotation> 7 </annotation>', 7, id="a number beside 0"),
        pytest.param('dataElement="Stunted"><annotation>7</annotation>', 7, id="a number alone"),
        pytest.param('dataElement="Paper" value="0"><annotation>true</annotation>', 1.0, id="a yes"),
        pytest.param('dataElement="Paper" value="0"><annotation>đạt</annotation>', Reason.NOT_A_NUMBER, id="a word"),
        pytest.param(
            'dataElement="Events" categoryOptionCombo="Farm" value="0"><annotation>none seen</annotation>',
            0.0,
            id="a remark on a count that is no half of a ratio",
        ),
        pytest.param('dataElement="X" value="0"><annotation>y</annotation>', Reason.UNKNOWN_ALIAS, id="unknown"),
    ],
)
async def test_an_annotation_is_the_value_where_adx_has_no_other_place(
    read_adx: ReadAdx, value: str, outcome: object
) -> None:
    reading = await read_adx(f"{GROUP}<dataValue {value}</dataValue></group>")

    found = [draft.event.numerator if draft.event.value is None else draft.event.value for draft in reading.good]
    assert [*found, *(bad.fault.reason for bad in reading.bad)] == [outcome]


@pytest.mark.parametrize(
    ("group", "attributes", "reason", "field"),
    [
        pytest.param(GROUP, 'sex="X"', Reason.UNKNOWN_ALIAS, "sex", id="an unknown option"),
        pytest.param(GROUP, 'sex=""', Reason.UNKNOWN_ALIAS, "sex", id="an empty option"),
        pytest.param(GROUP, 'ageGroup="P0Y--P5Y"', Reason.UNKNOWN_ALIAS, "ageGroup", id="an unknown category"),
        pytest.param(GROUP.replace(">", ' mechanism="A">'), "", Reason.UNKNOWN_ALIAS, "mechanism", id="a mechanism"),
        pytest.param(
            GROUP.replace(">", ' attributeOptionCombo="A">'), "", Reason.UNKNOWN_ALIAS, "attributeOptionCombo", id="AOC"
        ),
        pytest.param(GROUP.replace('orgUnit="C1"', ""), "", Reason.MISSING_FIELD, "orgUnit", id="no unit"),
        pytest.param(GROUP.replace("/P1M", "/P1X"), "", Reason.BAD_PERIOD, "period", id="no period"),
        pytest.param(GROUP, 'deleted="maybe"', Reason.WRONG_TYPE, "deleted", id="neither deleted nor not"),
    ],
)
async def test_a_bad_value_is_set_aside_alone(
    read_adx: ReadAdx, group: str, attributes: str, reason: Reason, field: str
) -> None:
    reading = await read_adx(
        f'{group}<dataValue dataElement="Members" value="1" {attributes}/></group>'
        f'{GROUP}<dataValue dataElement="Members" sex="M" value="1"/></group>'
    )

    assert [(bad.fault.reason, bad.fault.field) for bad in reading.bad] == [(reason, field)]
    assert len(reading.good) == 1


async def test_a_value_that_is_repeated_is_taken_once_and_one_that_contradicts_not_at_all(read_adx: ReadAdx) -> None:
    one, other = (f'<dataValue dataElement="{name}" value="10"/>' for name in ("Paper", "Stunted"))

    reading = await read_adx(
        f"{GROUP}{other * 4}{other.replace('10', '11')}</group>{GROUP}{one.replace('10', '1') * 3}</group>"
    )

    assert [(bad.row, bad.mates, bad.fault.reason) for bad in reading.bad] == [
        (0, (1, 2, 3), Reason.CONTRADICTED), (4, (), Reason.CONTRADICTED),
    ]  # fmt: skip
    assert (len(reading.good), reading.repeated_rows) == (1, 2)


async def test_a_deleted_value_and_one_with_its_own_time_are_read(read_adx: ReadAdx) -> None:
    (draft,) = (
        await read_adx(
            f'{GROUP}<dataValue dataElement="Members" sex="M" deleted="true" lastUpdated="2024-10-03T00:00:00Z">'
            "<annotation>a mistake</annotation></dataValue></group>"
        )
    ).good

    assert (draft.event.deleted, draft.event.observed_at.isoformat()) == (True, "2024-10-03T00:00:00+00:00")


async def test_schemes_that_the_profile_does_not_know_are_refused(read_adx: ReadAdx) -> None:
    with pytest.raises(UnsupportedRequestError, match=r"dataElement.*NAME"):
        await read_adx(f"{GROUP}</group>", id_schemes={"dataElement": "NAME"})


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ("<dataValue dataElement='Paper' value='1'/>", "outside of a <group>"),
        (f"{GROUP}{GROUP}</group></group>", "stands inside"),
        (f"{GROUP}</group><x><dataValue/></x>", "outside of a <group>"),
        (f"{GROUP}<dataValue dataElement='Paper' value='1'>", "line 2"),
    ],
)
async def test_a_message_of_another_structure_is_refused_as_a_whole(read_adx: ReadAdx, groups: str, words: str) -> None:
    with pytest.raises(MalformedBodyError, match=words):
        await read_adx(groups)


async def test_an_empty_body_is_refused(read_body: Callable[..., Awaitable[Reading]]) -> None:
    with pytest.raises(MalformedBodyError, match="empty"):
        await read_body(PayloadFormat.ADX, b" ")


async def test_attributes_about_persons_refuse_the_message(read_adx: ReadAdx) -> None:
    with pytest.raises(PatientLevelDataError):
        await read_adx(f'{GROUP}<dataValue dataElement="Paper" value="1" patientId="7"/></group>')


_TOO_MANY = MAX_EMPTY + 2


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param("<x/>" * _TOO_MANY, id="foreign"),
        pytest.param("<group/>" * _TOO_MANY, id="empty groups"),
        pytest.param(f"{GROUP}<dataValue>{'<annotation/>' * _TOO_MANY}</dataValue></group>", id="annotations"),
    ],
)
async def test_elements_that_say_nothing_do_not_take_the_time_of_others(read_adx: ReadAdx, groups: str) -> None:
    with pytest.raises(MalformedBodyError, match="say nothing"):
        await read_adx(groups)


@pytest.mark.parametrize("attributes", [f'mechanism="{"x" * 500}"', " ".join(f'a{n}="1"' for n in range(21))])
async def test_a_group_that_would_swell_every_row_is_refused(read_adx: ReadAdx, attributes: str) -> None:
    with pytest.raises(MalformedBodyError, match=r"longer than 500|more than 20"):
        await read_adx(GROUP.replace(">", f" {attributes}>") + '<dataValue dataElement="Paper" value="1"/></group>')
