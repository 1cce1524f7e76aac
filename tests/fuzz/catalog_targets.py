"""Targets of what operators bring: tables of units, source profiles and forms of the catalog."""

import datetime as dt
import tempfile
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final

from pydantic import BaseModel

from datchuan.cli.units import _problems
from datchuan.errors import CommandError
from datchuan.units.known import Known, render
from datchuan.units.known import Target as Out
from datchuan.units.plain import units_of_plain
from datchuan.units.succession import Options, is_succession, units_of_succession
from datchuan.units.table import Findings, read_table
from shared.catalog.forms import Form
from shared.catalog.load import SHIPPED
from shared.catalog.profiles import SourceProfile
from shared.catalog.shape import validate
from shared.catalog.strict_yaml import parse_yaml
from shared.catalog.units import UnitsFile
from tests.fuzz.fuzzing import BrokenError, Target
from tests.fuzz.other_documents import units_csv

_OPTIONS: Final = Options(dt.date(2025, 7, 1))


def _check_units(body: bytes) -> Hashable:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "units.csv")
        file.write_bytes(body)
        findings, known = Findings(), Known()
        try:
            table = read_table(file, findings)
            make = units_of_succession if is_succession(table) else units_of_plain
            made = make(table, _OPTIONS, known, findings)
            problems = findings.lines() or _problems(made, known, Out(Path("x.yaml"), None))
        except CommandError as error:
            return str(error).replace(str(file), "")[:30]
    if problems:
        return tuple(sorted({problem.partition(": ")[2][:20] for problem in problems}))
    data, problem = parse_yaml("x.yaml", render(made.units, "units.csv").encode())
    again, shape = (None, [problem]) if problem else validate(UnitsFile, "x.yaml", data)
    if again is None or list(again.units) != list(made.units):
        raise BrokenError(f"units that were written cannot be read again: {shape[:1]}")
    return len(made.units)


def _check_yaml(*models: type[BaseModel]) -> Callable[[bytes], Hashable]:
    def check(body: bytes) -> Hashable:
        data, problem = parse_yaml("x.yaml", body)
        if problem is not None:
            return str(problem)[:60]
        ways: list[Hashable] = []
        for model in models:
            value, problems = validate(model, "x.yaml", data)
            if value is None and not problems:
                raise BrokenError("a file is refused without a problem")
            for problem in problems:
                str(problem).encode("utf-8", "replace")
            ways.append(tuple(sorted({found.what[:20] for found in problems})[:5]))
        return tuple(ways)

    return check


@lru_cache
def _files(folder: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((SHIPPED / folder).glob("*.yaml")))


def _file_of(folder: str) -> Callable[[Random], bytes]:
    return lambda random: random.choice(_files(folder))


TARGETS: Final = (
    Target("units_csv", units_csv, _check_units, weight=0.7),
    Target("profile_yaml", _file_of("profiles"), _check_yaml(SourceProfile), weight=0.7, quick_inputs=40),
    Target("form_yaml", _file_of("forms"), _check_yaml(Form), weight=0.7, quick_inputs=40),
)
