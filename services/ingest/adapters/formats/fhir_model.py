"""The parts of a FHIR MeasureReport that are read: R4, and what R5 moved. Fields that are not read may be anything."""

from typing import Any, Final

import msgspec

_ALTERNATE_SCORE: Final = "alternateScoreType"


class _Part(msgspec.Struct, gc=False, rename="camel"):
    """A part of a resource: unknown fields are ignored, known ones must have their type."""


class Coding(_Part):
    """One code of a concept."""

    code: str | None = None


class Concept(_Part):
    """A concept: codes of several systems for the same thing, and its text."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All that the concept is called: its codes in their order, then its text."""
        codes = tuple(coding.code for coding in self.coding if coding.code)
        return (*codes, self.text) if self.text else codes


# R4 gives several concepts where R5 gives one.
Concepts = Concept | tuple[Concept, ...] | None


def names_of(concepts: Concepts) -> tuple[str, ...]:
    """Return what one concept, or the first of several, is called."""
    if isinstance(concepts, tuple):
        return concepts[0].names if concepts else ()
    return concepts.names if concepts is not None else ()


class Identifier(_Part):
    """A business identifier."""

    value: str | None = None


class Reference(_Part):
    """A reference to a place or an organisation."""

    reference: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Named(_Part):
    """A resource that a reference can mean: its identifiers and its name."""

    identifier: tuple[Identifier, ...] = ()
    name: str | None = None


class Span(_Part):
    """A FHIR Period."""

    start: str | None = None
    end: str | None = None


class Extension(_Part):
    """An extension; only the kinds of values that are read."""

    url: str = ""
    value_boolean: bool | None = None
    value_code: str | None = None
    value_codeable_concept: Concept | None = None


class Quantity(_Part):
    """A score: a number with or without a unit."""

    value: int | float | None = None
    unit: str | None = None
    code: str | None = None
    extension: tuple[Extension, ...] = ()


class Population(_Part):
    """One count of a group or stratum."""

    code: Concept | None = None
    count: int | float | None = None


class Scored(_Part):
    """What a group and a stratum have in common: counts and a score, which R5 named by its type."""

    population: tuple[Population, ...] = ()
    measure_score: Quantity | None = None
    measure_score_quantity: Quantity | None = None
    measure_score_integer: int | float | None = None
    measure_score_date_time: Any = None
    measure_score_codeable_concept: Any = None
    measure_score_period: Any = None
    measure_score_range: Any = None
    measure_score_duration: Any = None
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Any, ...] = ()

    @property
    def score(self) -> Quantity | None:
        """The score, whichever field holds it."""
        if self.measure_score_integer is not None:
            return Quantity(value=self.measure_score_integer)
        return self.measure_score_quantity or self.measure_score

    @property
    def yes_no(self) -> bool | None:
        """The answer of an attestation (the extension alternateScoreType of DEQM)."""
        score = self.score
        extensions = self.extension + (score.extension if score is not None else ())
        said = (ext.value_boolean for ext in extensions if ext.url.endswith(_ALTERNATE_SCORE))
        return next((answer for answer in said if answer is not None), None)

    @property
    def unread_score(self) -> str | None:
        """The name of a score of a type that is no number."""
        kinds = ("DateTime", "CodeableConcept", "Period", "Range", "Duration")
        given = (self.measure_score_date_time, self.measure_score_codeable_concept, self.measure_score_period,
                 self.measure_score_range, self.measure_score_duration)  # fmt: skip
        return next((f"measureScore{kind}" for kind, value in zip(kinds, given, strict=True) if value), None)


class Component(_Part):
    """One disaggregation of a stratum, and where in it the stratum lies."""

    code: Concepts = None
    value: Concept | None = None
    value_codeable_concept: Concept | None = None
    value_boolean: bool | None = None


class Stratum(Scored):
    """One cell of a stratifier."""

    component: tuple[Component, ...] = ()
    value: Concept | None = None
    value_codeable_concept: Concept | None = None
    value_boolean: bool | None = None


class Stratifier(_Part):
    """A disaggregation of a group."""

    code: Concepts = None
    stratum: tuple[Stratum, ...] = ()


class Group(Scored):
    """The results of one measure, or of one part of it."""

    id: str | None = None
    link_id: str | None = None
    code: Concept | None = None
    subject: Reference | None = None
    stratifier: tuple[Stratifier, ...] = ()


class MeasureReport(_Part):
    """The head of a report; its groups and contained resources are read one by one."""

    status: str | None = None
    type: str | None = None
    data_update_type: str | None = None
    measure: str | None = None
    subject: Reference | None = None
    reporter: Reference | None = None
    date: str | None = None
    period: Span | None = None
    group: tuple[Any, ...] = ()
    contained: tuple[Any, ...] = ()
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Any, ...] = ()
    implicit_rules: str | None = None
    scoring: Concept | None = None


class Request(_Part):
    """What a transaction asks to do with an entry."""

    method: str | None = None


class Entry(_Part):
    """An entry of a Bundle; its resource is read by itself."""

    full_url: str | None = None
    resource: Any = None
    request: Request | None = None


class Bundle(_Part):
    """A Bundle; its entries are read one by one."""

    entry: tuple[Any, ...] = ()
