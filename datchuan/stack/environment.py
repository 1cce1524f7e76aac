"""The environment of the services: what the stack decides, over what the operator set."""

import os
from collections.abc import Mapping
from pathlib import Path

import services
from shared.runtime.settings import PREFIX, RuntimeSettings, load


def service_environment(inherited: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service: `settings` (without prefix) win over the inherited variables.

    >>> made = service_environment({"DATCHUAN_PORT_FILE": "/x", "HOME": "/h"}, {"PORT": "1"})
    >>> made["DATCHUAN_PORT"], made["HOME"], "DATCHUAN_PORT_FILE" in made
    ('1', '/h', False)
    """
    decided = {f"{PREFIX}{name}": value for name, value in settings.items()}
    overruled = {variable for name in decided for variable in (name, f"{name}_FILE")}
    kept = {name: value for name, value in inherited.items() if name not in overruled}
    return {**kept, **decided, "PYTHONPATH": _python_path(inherited), "PYTHONUNBUFFERED": "1"}


def without_settings(inherited: Mapping[str, str], group: str = "") -> dict[str, str]:
    """Return the environment without the settings of the product, or without those of one group ("SMTP_").

    >>> without_settings({"DATCHUAN_SMTP_USER": "x", "DATCHUAN_PORT": "1"}, "SMTP_")
    {'DATCHUAN_PORT': '1'}
    """
    return {name: value for name, value in inherited.items() if not name.startswith(PREFIX + group)}


def unless_set(inherited: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return those `settings` (without prefix) that the operator gives neither a value nor a file for.

    >>> unless_set({"DATCHUAN_LINK_SECRET": "x"}, {"LINK_SECRET_FILE": "/f", "PUBLIC_URL": "http://h"})
    {'PUBLIC_URL': 'http://h'}
    """
    given = {name.removesuffix("_FILE") for name in inherited}
    return {name: value for name, value in settings.items() if f"{PREFIX}{name.removesuffix('_FILE')}" not in given}


def partitions_of(inherited: Mapping[str, str], settings: Mapping[str, str]) -> int:
    """Return the number of partitions that services of this environment have.

    >>> partitions_of({}, {}), partitions_of({"DATCHUAN_PARTITIONS": "4"}, {}), partitions_of({}, {"PARTITIONS": "2"})
    (1, 4, 2)
    """
    return load(RuntimeSettings, service_environment(inherited, settings)).partitions


def _python_path(inherited: Mapping[str, str]) -> str:
    root = str(Path(services.__file__).resolve().parents[1])
    others = [path for path in inherited.get("PYTHONPATH", "").split(os.pathsep) if path and path != root]
    return os.pathsep.join([root, *others])
