"""The polls of an installation: a strict YAML file, or a folder of them; every problem at once."""

import datetime as dt
import hashlib
import ipaddress
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from shared.catalog.base import CatalogModel
from shared.catalog.problems import Problem, at
from shared.catalog.shape import validate
from shared.catalog.strict_yaml import read_yaml
from shared.runtime.settings import SettingsError

_SCHEMES: Final = frozenset({"dataElement", "orgUnit", "categoryOptionCombo", "attributeOptionCombo"})


class Poll(CatalogModel):
    """One DHIS2 instance to ask, for whom, how often and how far back.

    `since` is the moment at which the first window begins. `overlap_seconds` is how far each window reaches back into
    the last one: longer than the longest transaction on the server. `id_schemes` are asked of DHIS2 by what they name
    (orgUnit: code). Relative paths are seen from the folder of the YAML file.
    """

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    source: str = Field(pattern=r"^[a-z0-9_.-]{1,60}$")
    url: str
    allow_http: bool = False
    credentials_file: Path
    ca_file: Path | None = None
    data_sets: tuple[str, ...] = Field(min_length=1)
    org_units: tuple[str, ...] = Field(min_length=1)
    children: bool = True
    id_schemes: dict[str, str] = Field(default_factory=dict)
    since: dt.date
    interval_seconds: float = Field(default=900, gt=0)
    overlap_seconds: float = Field(default=3600, ge=0)
    timeout_seconds: float = Field(default=120, gt=0)
    longest_pause_seconds: float = Field(default=900, gt=0)
    org_units_per_request: int = Field(default=50, ge=1, le=500)
    values_per_request: int = Field(default=20_000, ge=1)
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)

    @property
    def scope(self) -> str:
        """A digest of what is asked for: when it changes, the poll begins anew, or what was added would be missed."""
        asked = (self.url, self.source, sorted(self.data_sets), sorted(self.org_units), self.children)
        text = msgspec.json.encode((*asked, sorted(self.id_schemes.items()), self.since))
        return hashlib.sha256(text).hexdigest()[:16]

    @property
    def first_start(self) -> dt.datetime:
        """Where the first window begins."""
        return dt.datetime.combine(self.since, dt.time(), dt.UTC)

    @property
    def overlap(self) -> dt.timedelta:
        """How far each window reaches back into the last one."""
        return dt.timedelta(seconds=self.overlap_seconds)


class PollsFile(CatalogModel):
    """A file of polls."""

    polls: tuple[Poll, ...] = Field(min_length=1)


def load_polls(path: Path, sources: Collection[str]) -> list[Poll]:
    """Return the polls of a file or of all YAML files of a folder; `sources` are those that have a profile.

    Raises SettingsError with every problem on a line of its own.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    polls: list[Poll] = []
    problems: list[Problem] = []
    if not files:
        problems.append(Problem(str(path), "", None, "the folder has no .yaml file", "put one there"))
    for file in files:
        _, data, problem = read_yaml(file.parent, file.name)
        found, faults = (None, [problem]) if problem else validate(PollsFile, file.name, data)
        problems += faults
        for index, poll in enumerate(found.polls if found else ()):
            problems += _check(file.name, index, poll, sources, {known.name for known in polls})
            polls.append(_resolved(poll, file.parent))
    if problems:
        raise SettingsError("\n".join(["DATCHUAN_POLLS cannot be used:", *(str(problem) for problem in problems)]))
    return polls


def _check(file: str, index: int, poll: Poll, sources: Collection[str], names: Collection[str]) -> Iterator[Problem]:
    def place(key: str) -> str:
        return at("polls", index, poll.name, key)

    if poll.name in names:
        yield Problem(file, place("name"), poll.name, "is the name of two polls", "give each its own")
    if poll.source not in sources:
        remedy = f"use one of: {', '.join(sorted(sources)) or 'none yet'}; or add profiles/{poll.source}.yaml"
        yield Problem(file, place("source"), poll.source, "has no profile in the catalog", remedy)
    fault = _fault_of_url(poll)
    if fault:
        yield Problem(file, place("url"), _without_secrets(poll.url), *fault)
    for named in sorted(poll.id_schemes.keys() - _SCHEMES):
        remedy = f"use any of: {', '.join(sorted(_SCHEMES))}"
        yield Problem(file, place("id_schemes"), named, "is not what DHIS2 names by a scheme", remedy)
    for key, ids in (("data_sets", poll.data_sets), ("org_units", poll.org_units)):
        for found in ids:
            if not found.isascii() or not found.replace("_", "").replace("-", "").replace(".", "").isalnum():
                yield Problem(file, place(key), found, "is not an id or code of DHIS2", "letters, digits and _ - .")


def _fault_of_url(poll: Poll) -> tuple[str, str] | None:
    parts = urlsplit(poll.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not the address of an instance", "write https://HOST or https://HOST/PATH, without /api"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "holds more than host and path", "put user and password into the file of credentials_file"
    if parts.path.rstrip("/").endswith("/api"):
        return "ends with /api", "leave /api out: it is added"
    if parts.scheme == "http" and not poll.allow_http and not _is_loopback(parts.hostname):
        return "sends the credentials in the open", "use https, or set allow_http: true if the network is trusted"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_secrets(url: str) -> str:
    """Return an address for a message: whoever wrote a password into it must not find it in the logs."""
    head, separator, rest = url.rpartition("@")
    return f"(hidden)@{rest}" if separator and head else url


def _resolved(poll: Poll, folder: Path) -> Poll:
    ca_file = None if poll.ca_file is None else folder / poll.ca_file.expanduser()
    paths = {"credentials_file": folder / poll.credentials_file.expanduser(), "ca_file": ca_file}
    return poll.model_copy(update={**paths, "url": poll.url.rstrip("/")})
