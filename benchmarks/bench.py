"""`make bench WORKLOAD=FILE SCALE=province`: one file of workload v1 end to end; the last line is one JSON object.

The whole suite is `python -m benchmarks.suite`.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from benchmarks import end_to_end
from benchmarks.rig import Setup
from benchmarks.workload import SCALES
from benchmarks.yardstick import Workload, ask_oracle


def main() -> None:
    """Run the file that the arguments name; status 1 when an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("workload", type=Path, help="NDJSON file of workload v1")
    parser.add_argument("scale", choices=sorted(SCALES), help="the scale that the file was generated for")
    parser.add_argument("--partitions", type=int, default=1, help="partitions of the stack (default: 1)")
    parser.add_argument("--evaluators", type=int, default=1, help="evaluators that share them (default: 1)")
    options = parser.parse_args()
    if not 1 <= options.evaluators <= options.partitions:
        parser.error(f"{options.evaluators} evaluators cannot share {options.partitions} partitions: one each at least")
    if not options.workload.is_file():
        parser.error(f"{options.workload} is not a file: name an NDJSON file of workload v1, WORKLOAD=FILE")
    oracle = ask_oracle(options.workload, options.scale)
    workload = Workload(options.workload, options.scale, oracle.events)
    setup = Setup(options.scale, partitions=options.partitions, evaluators=options.evaluators)
    result = asyncio.run(end_to_end.run(options.workload.name, workload, oracle, setup=setup))
    print(json.dumps(result.as_json()))
    sys.exit(1 if result.wrong else 0)


if __name__ == "__main__":
    main()
