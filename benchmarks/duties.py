"""A dispatch for workload v1: each commune's own committee implements everything, and is reached by mail.

So every alert goes to the address of its commune, as many addresses as communes: the most mails that an alert can make.
"""

from pathlib import Path
from typing import Any

import yaml

from benchmarks.rules import commune_id
from benchmarks.workload import Scale

_DISPATCH, _UNIT, _SOURCE = "workload-v1", "ubnd_xa", "V1"
# Every alert is told at once: what fails and recovers within a run of some seconds is no news held back for calm.
_POLICIES = {"flapping": {"openings": 100, "within_days": 1}}


def mail_address(commune: str) -> str:
    """Return the address of a commune's committee.

    >>> mail_address("X00001")
    'x00001@communes.example'
    """
    return f"{commune.lower()}@communes.example"


def dispatch(scale: Scale) -> dict[str, Any]:
    """Return the dispatch: one rule for every indicator, for all provinces."""
    return {
        "id": _DISPATCH,
        "title_vi": "Khối lượng công việc v1",
        "issued_vi": "2020",
        "issuer_vi": "Khối lượng công việc v1",
        "scope": [f"P{p:02d}" for p in range(scale.provinces)],
        "dates_confidence": "uncertain",
        "source": _SOURCE,
        "units": [{"id": _UNIT, "name_vi": "Ủy ban nhân dân xã", "kind": "commune_committee", "one_per_commune": True}],
        "clauses": [{"id": "c1", "unit": _UNIT, "section_vi": "mục 1", "quote": "Triển khai.", "role": "implementing"}],
        "rules": [{"indicator": "*", "implementing": [_UNIT], "clauses": ["c1"]}],
    }


def addresses(scale: Scale) -> dict[str, Any]:
    """Return the addresses, one a commune."""
    return {
        "addresses": [
            {"dispatch": _DISPATCH, "unit": _UNIT, "commune": commune, "mail": [mail_address(commune)]}
            for commune in map(commune_id, range(scale.communes))
        ]
    }


def write_duties(scale: Scale, catalog: Path) -> None:
    """Add the dispatch, its addresses, and a policy by which nothing is held back to a catalog folder."""
    (catalog / "dispatches").mkdir(exist_ok=True)
    files = {
        "dispatches/workload-v1.yaml": dispatch(scale),
        "addresses.yaml": addresses(scale),
        "policies.yaml": _POLICIES,
    }
    for name, content in files.items():
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        (catalog / name).write_text(text, encoding="utf-8")
