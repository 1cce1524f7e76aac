"""Who knows one service knows all: names, sizes and places of modules."""

import ast
import sys
from pathlib import Path

import pytest

SERVICES = ("ingest", "evaluator", "notifier")
SERVICE_NAMES = {
    "__init__.py",
    "__main__.py",
    "app.py",
    "handlers.py",
    "settings.py",
    "metrics.py",
    "domain",
    "adapters",
}
ONLY_HERE = {"evaluator": {"leader.py"}}  # the lease loop: the other services need no single writer
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
MODULE_LINES = 300
TEST_LINES = 400
FUNCTION_LINES = 40


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def holds_code(path: Path) -> bool:
    return path.is_dir() and next(path.rglob("*.py"), None) is not None


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body, without signature and docstring."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = function.body[1:] if has_docstring else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_exactly_the_names_that_every_service_has(root: Path, service: str) -> None:
    # Folders of data (templates) are free: they hold no module.
    # A part may be one module or a package of several.
    inside = (root / "services" / service).iterdir()
    found = {path.name.removesuffix(".py") for path in inside if path.suffix == ".py" or holds_code(path)}

    assert found == {name.removesuffix(".py") for name in SERVICE_NAMES | ONLY_HERE.get(service, set())}


def test_there_are_three_services_and_nothing_else_in_their_folder(root: Path) -> None:
    found = {path.name for path in (root / "services").iterdir() if path.suffix == ".py" or holds_code(path)}

    assert found == {"__init__.py", *SERVICES}


def test_no_module_is_longer_than_the_limit(root: Path, modules: list[Path]) -> None:
    assert {str(path): count for path in modules if (count := lines(root / path)) > MODULE_LINES} == {}


def test_no_test_file_is_longer_than_the_limit(root: Path, files: list[Path]) -> None:
    tests = [path for path in files if path.suffix == ".py" and path.parts[0] in ("tests", "benchmarks")]

    assert {str(path): count for path in tests if (count := lines(root / path)) > TEST_LINES} == {}


def test_no_function_is_longer_than_the_limit(root: Path, modules: list[Path]) -> None:
    long = {
        f"{path}:{node.lineno} {node.name}": count
        for path in modules
        if path.parts[:2] != ("shared", "testing")  # factories are data
        and path.parent.name != "versions"  # a table has as many lines as columns
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (count := body_lines(node)) > FUNCTION_LINES
    }

    assert long == {}


def test_no_module_has_a_name_that_says_nothing(files: list[Path]) -> None:
    assert [str(path) for path in files if path.suffix == ".py" and path.stem in VAGUE_NAMES] == []


def test_no_module_beside_a_main_shadows_the_standard_library(root: Path, modules: list[Path]) -> None:
    # `python services/ingest/__main__.py` puts that folder first on the path: a logging.py there would be `logging`.
    scripts = {path.parent for path in modules if path.name == "__main__.py"}
    beside = [path for path in modules if path.parent in scripts and path.name != "__main__.py"]
    packages = [path.parent for path in modules if path.name == "__init__.py" and path.parent.parent in scripts]

    assert beside
    assert [str(path) for path in (*beside, *packages) if path.stem in sys.stdlib_module_names] == []


def test_test_folders_are_no_packages(files: list[Path]) -> None:
    assert [str(path) for path in files if path.parts[0] == "tests" and path.name == "__init__.py"] == []


def test_every_folder_with_modules_is_a_package(root: Path, modules: list[Path]) -> None:
    folders = {path.parent for path in modules}

    assert [str(folder) for folder in sorted(folders) if not (root / folder / "__init__.py").exists()] == []
