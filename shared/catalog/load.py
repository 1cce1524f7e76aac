"""Reading a catalog folder: strict YAML, shape, then what the files say about one another; all problems at once."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.catalog.catalog import Catalog
from shared.catalog.check import CatalogFiles, check_catalog
from shared.catalog.dispatches import AddressesFile, OfficialDispatch
from shared.catalog.forms import Form
from shared.catalog.indicators import IndicatorsFile
from shared.catalog.policies import Policies
from shared.catalog.problems import CatalogError, Problem
from shared.catalog.profiles import SourceProfile
from shared.catalog.rulesets import RulesetsFile
from shared.catalog.shape import validate
from shared.catalog.strict_yaml import decode, read_bytes, read_yaml
from shared.catalog.units import UnitsFile

__all__ = ["SHIPPED", "CatalogError", "CatalogReading", "load_catalog", "read_catalog"]

SHIPPED = Path(__file__).parent / "data"
UNITS, INDICATORS, RULESETS = "units.yaml", "indicators.yaml", "rulesets.yaml"
ADDRESSES, POLICIES = "addresses.yaml", "policies.yaml"
DISPATCHES, PROFILES, FORMS, MORE_UNITS = "dispatches", "profiles", "forms", "units"
TEXTS = "texts"
DATA_SUFFIXES = (".yaml", ".yml", ".json", ".toml")
DIGEST_CHARACTERS = 12

M = TypeVar("M", bound=BaseModel)


@dataclass
class _Reading:
    """The state of one load: what was read, what went wrong, and which parts of the catalog are therefore unknown."""

    directory: Path
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, part: str, file: str, model: type[M], path: Path | None = None) -> M | None:
        """Return a file, of the folder unless it has a path of its own, as its model; None after its problems."""
        directory, name = (path.parent, path.name) if path else (self.directory, file)
        content, data, problem = read_yaml(directory, name, file)
        self.digest.update(f"{file}\0{len(content)}\0".encode() + content)
        value, problems = (None, [problem]) if problem else validate(model, file, data)
        if value is None:
            self.broken.add(part)
            self.problems += problems
        return value

    def read_if_there(self, part: str, file: str, model: type[M]) -> M:
        """Return a file that a catalog may do without as its model; without it, or with problems, the defaults."""
        value = self.read(part, file, model) if (self.directory / file).exists() else None
        return model() if value is None else value

    def read_folder(self, folder: str, model: type[M]) -> tuple[list[str], list[M]]:
        """Return the names and models of all good YAML files of a folder; a missing folder has none."""
        files, values = [], []
        for path in sorted((self.directory / folder).glob("*.yaml")):
            file = f"{folder}/{path.name}"
            value = self.read(folder, file, model)
            if value is not None:
                files.append(file)
                values.append(value)
        return files, values

    def read_dispatches(self, more: tuple[Path, ...]) -> tuple[list[str], list[OfficialDispatch], dict[str, str]]:
        """Return names, models and texts (by id) of all good dispatches; `more` stand in for those of their names."""
        standing = {path.name: path for path in more}
        files, values = [], []
        texts: dict[str, str] = {}
        names = {path.name for path in (self.directory / DISPATCHES).glob("*.yaml")} | set(standing)
        for name in sorted(names):
            path = standing.get(name)
            file = f"{DISPATCHES}/{name}" if path is None else str(path)
            dispatch = self.read(DISPATCHES, file, OfficialDispatch, path)
            if dispatch is not None:
                files.append(file)
                values.append(dispatch)
                folders = [*([path.parent / TEXTS] if path else []), self.directory / DISPATCHES / TEXTS]
                texts |= self._read_text(file, dispatch, folders)
        return files, values, texts

    def _read_text(self, file: str, dispatch: OfficialDispatch, folders: list[Path]) -> dict[str, str]:
        """Return the text that a dispatch names, from the first folder that has it; nothing after noting a problem."""
        name = dispatch.text_file
        if name is None:
            return {}
        folder = next((found for found in folders if (found / name).exists()), folders[-1])
        if not (folder / name).exists():
            remedy = f"put the text of the document into the folder {TEXTS} beside it, or remove text_file"
            self.problems.append(Problem(file, "text_file", name, "is missing", remedy))
            return {}
        content, problem = read_bytes(folder, name, f"{DISPATCHES}/{TEXTS}/{name}")
        self.digest.update(f"{name}\0{len(content)}\0".encode() + content)
        text, problem = ("", problem) if problem else decode(f"{DISPATCHES}/{TEXTS}/{name}", content)
        if problem is not None:
            self.problems.append(problem)
            return {}
        return {dispatch.id: text}

    def read_units(self) -> tuple[list[str], list[UnitsFile]]:
        """Return the names and models of units.yaml and of every file in the folder units."""
        first = self.read("units", UNITS, UnitsFile)
        files, values = self.read_folder(MORE_UNITS, UnitsFile)
        return ([UNITS, *files], [first, *values]) if first is not None else (files, values)


@dataclass(frozen=True, slots=True)
class CatalogReading:
    """What can be read of a catalog folder, every problem of it, and the ids of its dispatches by file."""

    catalog: Catalog
    problems: tuple[Problem, ...]
    dispatches: dict[str, str]


def load_catalog(directory: Path | None = None) -> Catalog:
    """Return the catalog of a folder, or the shipped one for None.

    Raises CatalogError with every problem that can be told: of reading, of shape, and between files. A check that
    needs a file which cannot be read is left out, because it could only repeat that.
    """
    reading = read_catalog(directory)
    if reading.problems:
        raise CatalogError(reading.problems)
    return reading.catalog


def read_catalog(directory: Path | None = None, dispatches: tuple[Path, ...] = ()) -> CatalogReading:
    """Return what can be read of a catalog folder (None: the shipped one) with every problem of it.

    `dispatches` are files that are read as if they stood in its folder of dispatches, instead of those of their names.
    Raises CatalogError without a folder.
    """
    directory = directory or SHIPPED
    if not directory.is_dir():
        what, remedy = "the catalog folder is missing", "set DATCHUAN_CATALOG to a folder, or unset it"
        raise CatalogError([Problem(str(directory), "", None, what, remedy)])
    reading = _Reading(directory, problems=_unexpected_files(directory))
    addresses = reading.read_if_there("addresses", ADDRESSES, AddressesFile)
    policies = reading.read_if_there("policies", POLICIES, Policies)
    dispatch_files, found, texts = reading.read_dispatches(dispatches)
    form_files, forms = reading.read_folder(FORMS, Form)
    indicators = reading.read("indicators", INDICATORS, IndicatorsFile)
    profile_files, profiles = reading.read_folder(PROFILES, SourceProfile)
    rulesets = reading.read("rulesets", RULESETS, RulesetsFile)
    unit_files, units = reading.read_units()
    catalog = Catalog(
        digest=reading.digest.hexdigest()[:DIGEST_CHARACTERS],
        regions=tuple(region for file in units for region in file.regions),
        groups=tuple(group for file in units for group in file.groups),
        units=tuple(unit for file in units for unit in file.units),
        indicators=indicators.indicators if indicators else (),
        sources=rulesets.sources if rulesets else (),
        rulesets=rulesets.rulesets if rulesets else (),
        standards=rulesets.standards if rulesets else (),
        rules=rulesets.rules if rulesets else (),
        dispatches=tuple(found),
        texts=texts,
        addresses=addresses.addresses,
        policies=policies,
        profiles=tuple(profiles),
        forms=tuple(forms),
    )
    files = CatalogFiles(
        units=tuple((name, len(file.units)) for name, file in zip(unit_files, units, strict=True)),
        dispatches=tuple(dispatch_files),
        profiles=tuple(profile_files),
        forms=tuple(form_files),
    )
    problems = (*reading.problems, *check_catalog(catalog, files, frozenset(reading.broken)))
    ids = {file: dispatch.id for file, dispatch in zip(dispatch_files, found, strict=True)}
    return CatalogReading(catalog, problems, ids)


def _unexpected_files(directory: Path) -> list[Problem]:
    """Return a problem for each data file that no part of the catalog reads: a misspelt name must not be ignored."""
    known = {UNITS, INDICATORS, RULESETS, ADDRESSES, POLICIES}
    found = [path for path in sorted(directory.iterdir()) if path.is_file() and path.name not in known]
    for folder in (DISPATCHES, PROFILES, FORMS, MORE_UNITS):
        found += [path for path in sorted((directory / folder).glob("*")) if path.suffix != ".yaml"]
    folders = ", ".join(f"{folder}/NAME.yaml" for folder in (DISPATCHES, PROFILES, FORMS, MORE_UNITS))
    remedy = f"name it {', '.join(sorted(known))}, {folders}, or remove it"
    return [
        Problem(path.relative_to(directory).as_posix(), "", None, "is not a file of a catalog", remedy)
        for path in found
        if path.suffix in DATA_SUFFIXES
    ]
