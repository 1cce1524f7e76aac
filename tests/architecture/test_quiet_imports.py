"""Importing any module of the product opens nothing, starts nothing and reads no environment."""

import json
import subprocess
import sys
from pathlib import Path

# Runs in a process of its own. What a library does at import is the library's; what our module calls is ours: the
# nearest frame outside the standard library decides. Time zone data is part of the standard library.
PROBE = """
import importlib, json, os, sys
from collections.abc import Iterator

root, names = sys.argv[1], sys.argv[2:]
library = os.path.dirname(os.__file__) + os.sep
found = []

def note(what):
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if "importlib" in file and "resources" not in file or "site-packages" in file:
            return
        if file.startswith(root + os.sep) and os.sep + "." not in file[len(root):]:
            found.append(f"{file[len(root) + 1:]}:{frame.f_lineno} {what}")
            return
        frame = frame.f_back

class Watched(os._Environ):
    def __getitem__(self, key):
        note(f"reads the environment variable {key!r}")
        return super().__getitem__(key)
    def __iter__(self):
        note("reads the environment")
        return super().__iter__()

LOUD = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.system", "os.exec", "os.posix_spawn",
        "socket.", "subprocess.", "sqlite3.", "tempfile.", "time.sleep", "signal.")

def hook(event, args):
    if event.startswith(LOUD) and "zoneinfo" not in str(args[:1]):
        note(f"{event} {args[:1]}")

environ = os.environ
os.environ = Watched(environ._data, environ.encodekey, environ.decodekey, environ.encodevalue, environ.decodevalue)
sys.addaudithook(hook)
for name in names:
    importlib.import_module(name)
sys.stdout.write(json.dumps(found))
"""


def probe(root: Path, names: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(root), *names],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_any_module_is_quiet(root: Path, modules: list[Path]) -> None:
    # env.py is a script that alembic runs with its own context; it is no module of ours to import.
    names = [
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in modules
        if path.parts[-2:] != ("migrations", "env.py")
    ]

    assert probe(root, names) == []


def test_the_probe_sees_a_module_that_reads_a_file_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "loud_module.py").write_text(
        "import os\nHOME = os.environ.get('HOME')\nSELF = open(__file__).read()\n", encoding="utf-8"
    )

    found = probe(tmp_path, ["loud_module"])

    assert [line.split(" ")[0] for line in found] == ["loud_module.py:2", "loud_module.py:3"]
