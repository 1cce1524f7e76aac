"""What is installed: pinned by hash, and in the wheel everything that the product needs and nothing of the tests."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


@pytest.fixture(scope="module")
def lock(root: Path) -> str:
    """The text of requirements.lock."""
    return (root / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl"))).namelist()


def test_every_dependency_is_pinned_to_a_version_that_the_project_allows(project: dict[str, Any], lock: str) -> None:
    pins = {match["name"]: match["version"] for match in PIN.finditer(lock)}
    declared = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    wanted = [wish for wish in map(Requirement, declared) if wish.name != project["name"]]

    missing = [
        str(wish)
        for wish in wanted
        if (name := re.sub(r"[-_.]+", "-", wish.name).lower()) not in pins or not wish.specifier.contains(pins[name])
    ]

    assert missing == [], "run `make lock`"


def test_every_pin_has_hashes_and_no_line_names_a_place(lock: str) -> None:
    entries = [entry for entry in re.split(r"\n(?=\S)", lock) if PIN.match(entry)]

    assert len(entries) > 30
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert [line for line in lock.splitlines() if re.search(r"://|^-{1,2}\w|(^|\s)/\w", line)] == []


def test_the_wheel_holds_our_three_packages_and_its_metadata(wheel: list[str], project: dict[str, Any]) -> None:
    tops = {name.split("/")[0] for name in wheel}

    assert tops == {"services", "shared", "datchuan", f"datchuan-{project['version']}.dist-info"}
    assert f"datchuan-{project['version']}.dist-info/licenses/LICENSE" in wheel


def test_the_wheel_holds_every_file_of_the_product_but_test_code(wheel: list[str], files: list[Path]) -> None:
    ours = {str(path) for path in files if path.parts[0] in ("services", "shared", "datchuan")}
    shipped = {name for name in wheel if ".dist-info/" not in name}

    assert shipped == {path for path in ours if not path.startswith("shared/testing/")}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"shared/catalog/.+\.ya?ml$", id="the catalog"),
        pytest.param(r"shared/catalog/.+/texts/.+\.txt$", id="the texts that dispatches quote"),
        pytest.param(r"datchuan/matrix/.+\.j2$", id="the pages of the matrix"),
        pytest.param(r"services/notifier/.+\.(j2|txt|html)$", id="the templates of the messages"),
        pytest.param(r"datchuan/migrations/versions/.+\.py$", id="the migrations"),
    ],
)
def test_the_wheel_holds_the_data_that_ships_with_the_code(wheel: list[str], pattern: str) -> None:
    assert [name for name in wheel if re.search(pattern, name)]
