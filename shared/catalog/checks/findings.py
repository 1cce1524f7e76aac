"""The findings that every part of a catalog shares: duplicates, wrong dates, unknown names, cycles."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from shared.catalog.base import Dated
from shared.catalog.problems import Problem, at

# What is wrong with one item: its field, the value, why, and the remedy.
Finding = tuple[str, object, str, str]

# What would mean something else in a header: several addresses, a name beside one, a comment.
_MAIL_ADDRESS = re.compile(r"""[^@\s<>,;:"()\[\]\\]+@[^@\s<>,;:"()\[\]\\]+""")


def placed(file: str, key: str, findings: Iterable[Finding]) -> list[Problem]:
    """Return the findings of one item as problems at its key path."""
    return [Problem(file, f"{key}.{field}", value, what, remedy) for field, value, what, remedy in findings]


def duplicates(file: str, part: str, field: str, names: Sequence[str]) -> list[Problem]:
    """Return a problem for every name that an earlier item of the list has already."""
    first: dict[str, int] = {}
    problems = []
    for index, name in enumerate(names):
        if name in first:
            what = f"is also the {field} of {part}[{first[name]}]"
            problems.append(Problem(file, at(part, index, name, field), name, what, "give each its own, or remove one"))
        else:
            first[name] = index
    return problems


def wrong_dates(file: str, key: str, dated: Dated) -> list[Problem]:
    """Return a problem when something ends before it starts."""
    first, last = dated.span
    if first <= last:
        return []
    what = f"is before effective_from = {first}"
    return [Problem(file, f"{key}effective_to", str(last), what, "put the later day in effective_to")]


def unknown(file: str, key: str, names: Iterable[str | None], known: Collection[str], where: str) -> list[Problem]:
    """Return a problem for each name that is not in `known`; `where` says where such names are defined."""
    return [
        Problem(file, key, name, f"is not defined in {where}", "correct it, or define it there")
        for name in names
        if name is not None and name not in known
    ]


def not_one_of(file: str, key: str, names: Iterable[str | None], allowed: Sequence[str]) -> list[Problem]:
    """Return a problem for each name that is not a word of a closed list."""
    remedy = f"use {', '.join(allowed)}"
    return [
        Problem(file, key, name, "is not one of the allowed words", remedy)
        for name in names
        if name is not None and name not in allowed
    ]


def wrong_ways(mails: Iterable[str], webhook: str | None) -> Iterator[Finding]:
    """Yield what is wrong with the mail addresses and the webhook of a receiver."""
    for mail in mails:
        if not _MAIL_ADDRESS.fullmatch(mail) or not mail.isprintable():
            yield "mail", mail, "is not a mail address", "write it as name@domain"
    if webhook is not None and not webhook.startswith(("https://", "http://")):
        yield "webhook", webhook, "is not a web address", "write it as https://host/path"


def days_of(dated: Dated) -> str:
    """Return the days of validity in words: "from 2024-09-01 to 2025-06-30", "until 2025-06-30", "always"."""
    first, last = dated.effective_from, dated.effective_to
    if first and last:
        return f"from {first} to {last}"
    if first or last:
        return f"from {first}" if first else f"until {last}"
    return "always"


def cycles(file: str, part: str, field: str, edges: Mapping[str, Iterable[str]]) -> list[Problem]:
    """Return one problem for each cycle of references, named by where it closes."""
    done: set[str] = set()
    problems = []
    for start in edges:
        trail: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                trail.pop(name)
                done.add(name)
            elif name in trail:
                loop = [*list(trail)[list(trail).index(name) :], name]
                what = "goes round in a circle"
                problems.append(Problem(file, f"{part} ({name}).{field}", " -> ".join(loop), what, "break the circle"))
            elif name not in done:
                trail[name] = None
                stack.append((name, True))
                stack += [(following, False) for following in edges.get(name, ())]
    return problems
