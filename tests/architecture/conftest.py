"""What the tests of the repository's shape look at: its files, without caches and environments."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "datchuan")
NOT_OURS = {"__pycache__", "build", "dist", "node_modules"}
HIDDEN_BUT_OURS = {".ci", ".gitignore", ".dockerignore"}


def walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or (path.name.startswith(".") and path.name not in HIDDEN_BUT_OURS):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every file that belongs to the repository, relative to its folder."""
    return [path.relative_to(ROOT) for path in walk(ROOT)]


@pytest.fixture(scope="session")
def modules(files: list[Path]) -> list[Path]:
    """Every Python module of the product."""
    return [path for path in files if path.suffix == ".py" and path.parts[0] in PACKAGES]
