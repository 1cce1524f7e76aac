"""What is refused in policies.yaml, and how the refusal reads: file, place, value, what is wrong, remedy."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.catalog.load import POLICIES, SHIPPED, load_catalog
from shared.catalog.problems import CatalogError

BREACH = {"id": "b", "remind_every": 5}
UP = {"after_working_days": 5, "level_vi": "cấp tỉnh"}
ABOVE = {"id": "syt", "name_vi": "Sở Y tế", "scope": ["20"], "mail": ["s@x.example"]}
PHASE = {"unit": "06208", "standard": "xa_ntm", "phase": "appraisal", "source": "thử"}
DUTY = {
    "dispatch": "caoloc-ubnd-vp-2024-09",
    "unit": "bhxh",
    "clause": "c7b",
    "every_months": 1,
    "on_day": 5,
    "what_vi": "Rà soát.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalog"))


def problems_of(folder: Path, policies: dict[str, Any]) -> list[str]:
    (folder / POLICIES).write_text(yaml.safe_dump(policies, allow_unicode=True), "utf-8")
    try:
        load_catalog(folder)
    except CatalogError as error:
        return str(error).splitlines()
    return []


CASES = yaml.safe_load((Path(__file__).parent / "bad_policies.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_wrong_policy_is_refused_with_place_value_and_remedy(folder: Path, case: dict[str, Any]) -> None:
    assert case["expect"] in problems_of(folder, case["policies"])


def test_policies_that_complete_one_another_are_taken(folder: Path) -> None:
    special = BREACH | {"id": "special", "scope": ["183"], "steps": [UP | {"to_unit": "syt"}]}
    gaps = {"id": "gaps", "kinds": ["data_gap"], "acknowledge_within": 5}
    phases = [PHASE | {"effective_to": "2024-11-30"}, PHASE | {"effective_from": "2024-12-01"}]

    policies = {"superiors": [ABOVE], "escalation": [special, BREACH, gaps], "phases": phases, "duties": [DUTY]}

    assert problems_of(folder, policies) == []


def test_a_circle_of_units_does_not_hang_the_checks_of_scopes(folder: Path) -> None:
    units = (folder / "units.yaml").read_text("utf-8")
    circle = units.replace('name_vi: Huyện Cao Lộc, parent: "20"', 'name_vi: Huyện Cao Lộc, parent: "183"')
    (folder / "units.yaml").write_text(circle, "utf-8")

    policies = {"escalation": [BREACH | {"scope": ["914"]}, BREACH | {"id": "c", "scope": ["183"]}]}

    assert any("goes round in a circle" in line for line in problems_of(folder, policies))
