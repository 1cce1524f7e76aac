"""The load generator: what goes over which connection, in which order, and when."""

import json
from pathlib import Path

from benchmarks.generator import write_workload
from benchmarks.sender import bodies_by_connection, plan


def commune_of(line: bytes) -> str:
    return str(json.loads(line)["commune"])


def test_every_line_is_posted_once_and_a_commune_keeps_its_order_on_one_connection(tmp_path: Path) -> None:
    path = tmp_path / "workload.jsonl"
    write_workload("province", 2_000, 1, path)
    lines = path.read_bytes().splitlines(keepends=True)

    bodies = bodies_by_connection(path, 4, 100)

    posted = [b"".join(part).splitlines(keepends=True) for part in bodies]
    assert sorted(line for part in posted for line in part) == sorted(lines)
    whole = [line for line in lines if line.endswith(b"}\n")]
    for commune in ("X00000", "X00199"):
        of_commune = [line for line in whole if commune_of(line) == commune]
        connections = [part for part in posted if set(of_commune) & set(part)]
        assert len(connections) == 1
        assert [line for line in connections[0] if line in set(of_commune)] == of_commune


def test_bodies_hold_as_many_lines_as_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "workload.jsonl"
    write_workload("province", 1_000, 1, path)

    sizes = [[body.count(b"\n") for body in part] for part in bodies_by_connection(path, 3, 50)]

    assert all(size == 50 for part in sizes for size in part[:-1])
    assert sum(size for part in sizes for size in part) == 1_000


def test_an_open_loop_fixes_every_moment_in_advance() -> None:
    posts = plan([[b"a1", b"a2", b"a3"], [b"b1"]], 100)

    assert [(post.body, post.connection, post.due) for post in posts] == [
        (b"a1", 0, 0.0),
        (b"b1", 1, 0.01),
        (b"a2", 0, 0.02),
        (b"a3", 0, 0.03),
    ]


def test_a_closed_loop_fixes_no_moment() -> None:
    assert {post.due for post in plan([[b"a1", b"a2"], [b"b1"]], None)} == {0.0}
