"""Asking for a silence: what a person wrote becomes a Silence, checked against the catalog; faults say what to mend."""

import datetime as dt
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.notifier.domain.matchers import NotFoundError, nodes_named, responsible_named, subtree, unit_named
from services.notifier.domain.numbers_vi import VIET_NAM
from services.notifier.domain.silences import Silence
from shared.catalog.catalog import Catalog

AUTHOR_CHARACTERS, REASON_CHARACTERS = 200, 1_000
_MOST_MATCHERS = 500
_KEYS = frozenset({"units", "nodes", "responsible_units", "all", "author", "reason", "starts_at", "ends_at"})
_WRITE_MOMENT = "Write it as 2024-10-20T17:00:00+07:00; without an offset it is Viet Nam time."


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: its place, the value that stands there, what is wrong and the remedy."""

    field: str
    value: str
    detail: str
    remedy: str


class InvalidSilenceError(ValueError):
    """A request for a silence cannot be granted; `faults` names everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class WantedSilence:
    """A silence that may be granted, with the units as they were named (None: all)."""

    silence: Silence
    roots: tuple[str, ...] | None


def wanted_silence(
    request: object, catalog: Catalog, silence_id: str, now: dt.datetime, longest: dt.timedelta
) -> WantedSilence:
    """Return the silence that a request asks for at the moment `now`, or raise InvalidSilenceError with all its faults.

    The request is an object with author, reason, ends_at and units, nodes or responsible_units, or all: true; starts_at
    is now unless it is given.
    """
    if not isinstance(request, Mapping):
        raise InvalidSilenceError(
            [Fault("", _shown(request), "is not an object", "Give author, reason, ends_at and what to silence.")]
        )
    reading = _Reading(request, catalog, now)
    reading.check_keys()
    author, reason = reading.line("author", AUTHOR_CHARACTERS), reading.line("reason", REASON_CHARACTERS)
    starts_at = reading.moment("starts_at", default=now)
    ends_at = reading.moment("ends_at")
    reading.check_span(starts_at, ends_at, longest)
    today = now.astimezone(VIET_NAM).date()
    roots = reading.matchers("units", lambda text: {unit_named(catalog, text, today).id})
    units = None if roots is None else frozenset().union(*(subtree(catalog, catalog.unit_by_id[id_]) for id_ in roots))
    nodes = reading.matchers("nodes", lambda text: nodes_named(catalog, text, today, units or None))
    responsible = reading.matchers("responsible_units", lambda text: responsible_named(catalog, text))
    reading.check_scope(any((roots, nodes, responsible)))
    if reading.faults or starts_at is None or ends_at is None:
        raise InvalidSilenceError(reading.faults)
    silence = Silence(silence_id, author, reason, starts_at, ends_at, units, nodes, responsible)
    return WantedSilence(silence, None if roots is None else tuple(sorted(roots)))


def line_of(text: str) -> str:
    """Return a text as one line, composed (NFC), without control characters and with single spaces.

    Characters that nobody sees are dropped: among them are those that turn the order of a text, and so who signed it.
    """
    shown = "".join(c for c in text if unicodedata.category(c) != "Cf")
    composed = unicodedata.normalize("NFC", shown)
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in composed).split())


class _Reading:
    """Reads one request and gathers its faults."""

    def __init__(self, request: Mapping[Any, Any], catalog: Catalog, now: dt.datetime) -> None:
        self._request = request
        self._catalog = catalog
        self._now = now
        self.faults: list[Fault] = []

    def check_keys(self) -> None:
        for key in self._request:
            if key not in _KEYS:
                self._fault(str(key), "is not known", f"Use only {', '.join(sorted(_KEYS))}.")

    def line(self, field: str, most: int) -> str:
        value = self._request.get(field)
        text = line_of(value) if isinstance(value, str) else ""
        if not text:
            self._fault(field, "is required", "Say who asks for the silence and why.")
        elif len(text) > most:
            self._fault(field, f"is longer than {most} characters", "Shorten it.")
        return text

    def moment(self, field: str, default: dt.datetime | None = None) -> dt.datetime | None:
        value = self._request.get(field)
        if value is None:
            if default is None:
                self._fault(field, "is required: every silence has an end", _WRITE_MOMENT)
            return default
        try:
            read = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value).strip())
            return (read if read.tzinfo else read.replace(tzinfo=VIET_NAM)).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            self._fault(field, "is not a moment", _WRITE_MOMENT)
            return None

    def check_span(self, starts_at: dt.datetime | None, ends_at: dt.datetime | None, longest: dt.timedelta) -> None:
        if starts_at is None or ends_at is None:
            return
        if ends_at <= max(starts_at, self._now):
            self._fault("ends_at", "is not later than the start and the present", "Give a later end.")
        elif ends_at - starts_at > longest:
            self._fault(
                "ends_at",
                f"is more than {longest.days} days after the start",
                "Give an earlier end and ask again when it has come, or let the operator raise "
                "DATCHUAN_SILENCE_MAX_DAYS.",
            )

    def matchers(self, field: str, find: Callable[[str], Iterable[str]]) -> frozenset[str] | None:
        value = self._request.get(field)
        texts = [value] if isinstance(value, str) else value
        if not texts:
            return None
        if not isinstance(texts, list | tuple) or len(texts) > _MOST_MATCHERS:
            self._fault(field, f"is not a list of at most {_MOST_MATCHERS} names", "Give a list of names.")
            return None
        found: set[str] = set()
        for text in texts:
            try:
                found.update(find(text if isinstance(text, str) else str(text)))
            except NotFoundError as error:
                self.faults.append(Fault(field, _shown(text), str(error), error.remedy))
        return frozenset(found)

    def check_scope(self, is_narrow: bool) -> None:
        everything = self._request.get("all", False)
        if not isinstance(everything, bool):
            self._fault("all", "is neither true nor false", "Give true, or leave it out.")
        elif everything and is_narrow:
            self._fault("all", "contradicts the other matchers", "Leave out all, or the others.")
        elif not everything and not is_narrow and not any(fault.field in _SCOPE for fault in self.faults):
            self._fault("units", "nothing says what to silence", "Give units, nodes, responsible_units, or all: true.")

    def _fault(self, field: str, detail: str, remedy: str) -> None:
        self.faults.append(Fault(field, _shown(self._request.get(field)), detail, remedy))


_SCOPE = ("units", "nodes", "responsible_units")


def _shown(value: object) -> str:
    return "" if value is None else line_of(str(value))[:200]
