"""`python -m tests.chaos [NAME,NAME]`: strikes the running product with every fault, and proves that nothing is lost.

Progress goes to standard error, one line of JSON to standard output. The exit code is 0 only if all is right.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.scenario import Scenario
from tests.chaos.small_disk import NoSmallDiskError, mount_small_disk
from tests.chaos.suite import SCENARIOS, Suite

_DISK_MEGABYTES = 192


def chosen(names: str) -> Sequence[Scenario]:
    """Return the scenarios of these names, separated by commas; all when there are none."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"no such scenario: {', '.join(unknown)}. There are: {', '.join(known)}")
    return [known[name] for name in wanted] or SCENARIOS


def main() -> int:
    """Run the suite and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="The fault suite on real processes.")
    parser.add_argument(
        "names", nargs="?", default="", help="scenarios to play, separated by commas; all when left out"
    )
    parser.add_argument("--keep", type=Path, help="keep all data and logs in this empty folder")
    arguments = parser.parse_args()
    suite = Suite(chosen(arguments.names), tell)
    with tempfile.TemporaryDirectory(prefix="datchuan-chaos-", ignore_cleanup_errors=True) as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            parser.error(f"{folder} is not empty: what an earlier run left there would be counted as wrong")
        folder.chmod(0o711)  # the database of root runs as another user, who must be able to pass
        disk, why_not = folder.resolve() / "small-disk", ""
        try:
            mount_small_disk(disk, _DISK_MEGABYTES)
        except NoSmallDiskError as error:
            why_not = str(error)
        result = asyncio.run(suite.run(folder.resolve(), None if why_not else disk, why_not))
    sys.stdout.write(json.dumps(result.as_json(), ensure_ascii=False) + "\n")
    return 0 if result.is_right else 1


def tell(line: str) -> None:
    """Write one line of progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
