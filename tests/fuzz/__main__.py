"""`python -m tests.fuzz [NAME,NAME]`: gives every parser inputs that nobody expects, for as long as there is time.

Progress goes to standard error, one line of JSON to standard output. The exit code is 0 only if nothing was found.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.endpoints import NAME as ENDPOINTS
from tests.fuzz.endpoints import fuzz_endpoints
from tests.fuzz.fuzzing import Fuzzing, Outcome, Target, check_within_limits
from tests.fuzz.targets import TARGETS


def chosen(names: str) -> Sequence[str]:
    """Return the names of the targets, separated by commas; all when there are none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = [*(target.name for target in TARGETS), ENDPOINTS]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"no such target: {', '.join(unknown)}. There are: {', '.join(known)}")
    return wanted or known


def replay(names: Sequence[str], file: Path) -> int:
    """Give one input to one target, and let what it raises be seen."""
    if len(names) != 1 or names[0] == ENDPOINTS:
        raise SystemExit("name the one parser that --replay is for")
    target = next(target for target in TARGETS if target.name == names[0])
    tell(f"{target.name}: {check_within_limits(target, file.read_bytes())}")
    return 0


def main() -> int:
    """Run the targets and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzing of every parser and endpoint.")
    parser.add_argument("names", nargs="?", default="", help="targets, separated by commas; all when left out")
    parser.add_argument("--seconds", type=float, default=10, help="how long each target is fuzzed (default: 10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="where to begin (default: the time)")
    parser.add_argument("--keep", type=Path, help="the folder for failing inputs (default: a new temporary one)")
    parser.add_argument("--replay", type=Path, help="give this file to the one target named, and stop")
    arguments = parser.parse_args()
    names = chosen(arguments.names)
    if arguments.replay:
        return replay(names, arguments.replay)
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="datchuan-fuzz-"))
    tell(f"seed {arguments.seed}; failing inputs go to {folder}")
    targets = [target for target in TARGETS if target.name in names]
    outcomes = [run(target, arguments.seconds, arguments.seed, folder) for target in targets]
    if ENDPOINTS in names:
        outcomes.append(fuzz_endpoints(arguments.seconds, arguments.seed, folder))
        show(outcomes[-1])
    result = {"seed": arguments.seed, "ok": not any(outcome.findings for outcome in outcomes),
              "targets": [_as_json(outcome) for outcome in outcomes]}  # fmt: skip
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return 0 if result["ok"] else 1


def run(target: Target, seconds: float, seed: int, folder: Path) -> Outcome:
    """Fuzz one parser and show what came out."""
    outcome = Fuzzing(target, seed, folder).run(seconds=seconds * target.weight)
    show(outcome)
    return outcome


def show(outcome: Outcome) -> None:
    """Write one line for a target, and a few for each failure with the command that repeats it."""
    tell(f"{outcome.target:18} {outcome.seconds:7.1f} s {outcome.inputs:8} inputs {outcome.ways:6} ways "
         f"{len(outcome.findings)} findings")  # fmt: skip
    for finding in outcome.findings:
        tell(f"  {finding.what} ({finding.times} times): {finding.body[:200]!r}")
        tell("".join(f"  | {line}\n" for line in finding.trace.splitlines()))
        if finding.file is not None and finding.target != ENDPOINTS:
            tell(f'  again: make fuzz ONLY={finding.target} ARGS="--replay {finding.file}"')


def _as_json(outcome: Outcome) -> dict[str, Any]:
    findings = [{"what": found.what, "times": found.times, "file": str(found.file or "")} for found in outcome.findings]
    return {"target": outcome.target, "seconds": round(outcome.seconds, 1), "inputs": outcome.inputs,
            "ways": outcome.ways, "findings": findings}  # fmt: skip


def tell(line: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
