"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path


def test_every_example_in_a_docstring_is_true(root: Path, modules: list[Path]) -> None:
    with_examples = [path for path in modules if ">>> " in (root / path).read_text(encoding="utf-8")]

    results = {
        str(path): doctest.testmod(
            importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
        )
        for path in with_examples
    }

    assert sum(result.attempted for result in results.values()) > 0
    assert {path: result.failed for path, result in results.items() if result.failed} == {}
