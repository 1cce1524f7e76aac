"""The units that a catalog has already, and the file that an import is to write there."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from datchuan.errors import USAGE, CommandError
from shared.catalog.load import MORE_UNITS, UNITS
from shared.catalog.shape import validate
from shared.catalog.strict_yaml import read_yaml
from shared.catalog.units import AdminUnit, Region, UnitsFile, resolve_unit

MARK: Final = "# Written by `datchuan units import`"


@dataclass(frozen=True, slots=True)
class Target:
    """The file to write, and the catalog folder that it will be a part of (None: it stands alone)."""

    file: Path
    catalog: Path | None

    @property
    def name(self) -> str:
        """The file's name as messages about the catalog give it."""
        return f"{MORE_UNITS}/{self.file.name}" if self.catalog else self.file.name


def target_of(out: Path, stem: str) -> Target:
    """Return where to write: a YAML file as named, units/STEM.yaml of a catalog folder, STEM.yaml of another."""
    if out.suffix in (".yaml", ".yml"):
        inside = out.parent.name == MORE_UNITS and (out.parent.parent / UNITS).exists()
        return Target(out, out.parent.parent if inside else None)
    if (out / UNITS).exists():
        return Target(out / MORE_UNITS / f"{stem}.yaml", out)
    inside = out.name == MORE_UNITS and (out.parent / UNITS).exists()
    return Target(out / f"{stem}.yaml", out.parent if inside else None)


@dataclass(slots=True)
class Known:
    """The units of the other files of a catalog, with its regions and groups.

    `counts` are those files, in the order of their units, with the number of units of each; `imported` are those that
    an import has written.
    """

    units: list[AdminUnit] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    groups: list[Region] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    imported: set[str] = field(default_factory=set)
    by_code: defaultdict[str, list[AdminUnit]] = field(default_factory=lambda: defaultdict(list))

    def holder(self, code: str, on: dt.date) -> AdminUnit | None:
        """Return the unit that holds a code on a day."""
        return resolve_unit(tuple(self.by_code.get(code, ())), on)


def read_known(target: Target) -> Known:
    """Return the units that stand beside the target; raises CommandError when one of their files cannot be read."""
    known = Known()
    if target.catalog is None:
        return known
    files = [UNITS, *(f"{MORE_UNITS}/{path.name}" for path in sorted((target.catalog / MORE_UNITS).glob("*.yaml")))]
    for file in files:
        if file == target.name:
            continue
        _, data, problem = read_yaml(target.catalog, file)
        content, problems = (None, [problem]) if problem else validate(UnitsFile, file, data)
        if content is None:
            raise CommandError(str(problems[0]), "Mend the catalog first: `datchuan catalog check`.", USAGE)
        known.units += content.units
        known.counts.append((file, len(content.units)))
        if _is_imported(target.catalog / file):
            known.imported.add(file)
        known.regions += content.regions
        known.groups += content.groups
    for unit in known.units:
        known.by_code[unit.code].append(unit)
    return known


def write(target: Target, units: Sequence[AdminUnit], about: str) -> None:
    """Write units as a file of the catalog; raises CommandError rather than overwrite what somebody wrote by hand."""
    if target.file.exists() and not _is_imported(target.file):
        remedy = "Name another file, or remove this one."
        raise CommandError(f"{target.file} was not written by this command", remedy, USAGE)
    target.file.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.file.with_suffix(".part")
    fresh.write_text(render(units, about), "utf-8")
    fresh.replace(target.file)


def _is_imported(file: Path) -> bool:
    return file.read_text("utf-8", errors="replace").startswith(MARK)


def render(units: Sequence[AdminUnit], about: str) -> str:
    """Return units as the text of a file: one unit a line, the same for the same units."""
    lines = [f"{MARK} from {' '.join(about.split())}", "", "units:" if units else "units: []"]
    lines += [
        f"  - {{{', '.join(f'{key}: {_text(value)}' for key, value in _fields(unit).items())}}}" for unit in units
    ]
    return "\n".join(lines) + "\n"


def _fields(unit: AdminUnit) -> dict[str, Any]:
    order = ("id", "code", "level", "type", "name_vi", "parent", "region", "group", "effective_from", "effective_to",
             "successors", "split", "other_parts", "confidence", "source")  # fmt: skip
    given = unit.model_dump(exclude_defaults=True) | {"confidence": unit.confidence}
    return {name: given[name] for name in order if given.get(name) is not None}


def _text(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
