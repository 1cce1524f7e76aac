"""The catalog of the demonstration: the shipped one, with a digest that does not leave by itself while it runs."""

import datetime as dt
import shutil
from pathlib import Path

import yaml

from shared.catalog.load import POLICIES, SHIPPED
from shared.runtime.clock import VN_TZ

# Longer than the demonstration lasts, whatever machine it runs on.
_LONGEST = dt.timedelta(minutes=15)


def catalog_folder(folder: Path, now: dt.datetime) -> Path:
    """Write the shipped catalog into a folder, its digest moved when it would leave soon after `now`; return it.

    Only whole days are taken off the clock of a demonstration, so that its time of day is that of the reader.
    """
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    path = folder / POLICIES
    policies = yaml.safe_load(path.read_text(encoding="utf-8"))
    digest = policies["digest"]
    digest["at"] = f"{digest_time(dt.time.fromisoformat(digest['at']), now):%H:%M}"
    path.write_text(yaml.safe_dump(policies, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def digest_time(at: dt.time, now: dt.datetime) -> dt.time:
    """Return the time of the digest: the shipped one, or an hour later when it comes within a quarter of an hour.

    >>> morning, shortly_before = (dt.datetime(2024, 10, 15, h, m, tzinfo=VN_TZ) for h, m in ((9, 0), (15, 59)))
    >>> digest_time(dt.time(16), morning), digest_time(dt.time(16), shortly_before)
    (datetime.time(16, 0), datetime.time(17, 0))
    """
    local = now.astimezone(VN_TZ)
    for day in (local.date(), local.date() + dt.timedelta(days=1)):
        leaves = dt.datetime.combine(day, at, VN_TZ)
        if dt.timedelta() <= leaves - local <= _LONGEST:
            return (leaves + dt.timedelta(hours=1)).time()
    return at
