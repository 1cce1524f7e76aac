"""docs/behaviours.md: every behaviour that was to be carried over has a test, and every test that is named exists."""

import ast
import re
from pathlib import Path

import pytest
import yaml

# The names of Alertmanager's tests whose behaviour the notifier takes over: acceptance tests and command line (A).
ACCEPTANCE = [
    "TestMergeAlerts",
    "TestMergeAlertsWithEndsAt",
    "TestRepeat",
    "TestRetry",
    "TestBatching",
    "TestResolved",
    "TestResolvedFilter",
    "TestColdStart",
    "TestReload",
    "TestWebhookTimeout",
    "TestAddSilence",
    "TestSilencing",
    "TestSilenceDelete",
    "TestInhibiting",
    "TestAlwaysInhibiting",
    "TestEmptyInhibitionRule",
    "TestAddAlerts",
    "TestAlertGetReturnsCurrentAlertStatus",
    "TestFilterAlertRequest",
    "TestWebWithPrefix",
    "TestAddUTF8Alerts",
    "TestAddUTF8Silences",
    "TestSendAlertsToUTF8Route",
    "TestClusterDeduplication",
    "TestClusterVSInstance",
    "TestAmtoolVersion",
    "TestAmtoolAddAlert",
    "TestAmtoolQueryAlert",
    "TestAmtoolQuerySilence",
    "TestAmtoolRoutesShow",
    "TestAmtoolRoutesTest",
    "TestAmtoolSilenceImport",
    "TestAmtoolSilenceImportInvalidJSON",
    "TestAmtoolSilenceImportInvalidSilence",
    "TestAmtoolSilenceImportPartialFailure",
]
# Unit tests (B).
UNITS = [
    "TestDedupStageNeedsUpdate",
    "TestRetryStageWithError",
    "TestRetryStageWithErrorCode",
    "TestRetryStageWithContextCanceled",
    "TestRetryStageNoResolved",
    "TestSetNotifiesStage",
    "TestLogGC",
    "TestLogSnapshot",
    "TestStateMerge",
    "TestGroupsWithLimits",
    "TestDispatcherRaceOnFirstAlertNotDeliveredWhenGroupWaitIsZero",
    "TestRootRouteExists",
    "TestReceiverExistsForDeepSubRoute",
    "TestReceiverNameIsUnique",
    "TestMuteTimeExists",
    "TestGroupIntervalIsGreaterThanZero",
    "TestIntervener_Mutes",
    "TestEmailRejected",
    "TestEmailNotifyWithThreading",
    "TestTimeMuteStage",
    "TestTimeActiveStage",
]
# Escalation as in Grafana OnCall (C), in our words.
ESCALATION = (
    "acknowledgement stops escalation",
    "an acknowledgement that times out restarts it",
    "taking an acknowledgement back restarts it",
    "the chain is fixed when the alert opens",
    "a stalled escalation is found",
    "a confirmed reminder puts off the next",
    "every transition is a log record",
)
# Probes that Alertmanager fails (D), by their number.
PROBES = tuple(f"D{number}" for number in range(1, 11))
SECTIONS = {"A": ACCEPTANCE, "B": UNITS, "C": ESCALATION, "D": PROBES}
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)(\[(?P<case>[^\]]+)\])?`")
# A test with cases of its own file: the file in which each case has its name.
CASES = {"tests/unit/catalog/test_policies.py": "tests/unit/catalog/bad_policies.yaml"}
# The roles of the table in notifying.md are those of the shipped policies, in these words.
TIMING = {"immediate": "at once", "digest": "digest"}


@pytest.fixture(scope="module")
def rows(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Behaviour and row of the page, by the letter of the section."""
    found: dict[str, list[tuple[str, str]]] = {}
    letter = ""
    for line in (root / "docs/behaviours.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            letter = line[3:4] if line[4:5] == "." else ""
        elif letter and line.startswith("|") and not re.match(r"\| (behaviour|probe) \||\|-", line):
            found.setdefault(letter, []).append((line.split("|")[1].strip(), line))
    return found


@pytest.fixture(scope="module")
def named(rows: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str | None]]:
    """File, name and case of every test that the page names."""
    lines = (line for section in rows.values() for _, line in section)
    return [(match["file"], match["name"], match["case"]) for line in lines for match in NAMED.finditer(line)]


@pytest.mark.parametrize("letter", SECTIONS)
def test_every_behaviour_has_a_row_and_every_row_a_test(rows: dict[str, list[tuple[str, str]]], letter: str) -> None:
    shown = {behaviour.split()[0] if letter == "D" else behaviour for behaviour, _ in rows[letter]}

    assert sorted(set(SECTIONS[letter]) - shown) == []
    assert [line for _, line in rows[letter] if not NAMED.search(line)] == []


def test_no_row_names_a_behaviour_of_another_name(rows: dict[str, list[tuple[str, str]]]) -> None:
    unknown = {b for letter in "ABC" for b, _ in rows[letter] if b not in SECTIONS[letter]}

    assert unknown == set()


def test_every_test_that_is_named_exists(root: Path, named: list[tuple[str, str, str | None]]) -> None:
    defined = {file: functions_of(root / file) for file in {file for file, _, _ in named}}

    assert [f"{file}::{name}" for file, name, _ in named if name not in defined[file]] == []


def test_every_case_that_is_named_exists(root: Path, named: list[tuple[str, str, str | None]]) -> None:
    cases = {
        file: {case["name"] for case in yaml.safe_load((root / source).read_text(encoding="utf-8"))}
        for file, source in CASES.items()
    }

    assert [f"{file}[{case}]" for file, _, case in named if case and case not in cases.get(file, ())] == []


def test_the_table_of_roles_and_notices_is_that_of_the_shipped_policies(root: Path) -> None:
    page = (root / "docs/notifying.md").read_text(encoding="utf-8")
    table = page[page.index("| notice |") :].split("\n\n")[0].splitlines()
    roles = [cell.strip() for cell in table[0].strip("|").split("|")][1:]
    written = {}
    for line in table[2:]:
        notice, *cells = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
        told = {(role, notice): cell for role, cell in zip(roles, cells, strict=True) if cell != "–"}
        written.update(told)
    policies = yaml.safe_load((root / "shared/catalog/data/policies.yaml").read_text(encoding="utf-8"))

    assert written == {
        (each["role"], notice): TIMING[timing] for each in policies["roles"] for notice, timing in each["tells"].items()
    }


def functions_of(path: Path) -> set[str]:
    """Return the names of the test functions that a file defines."""
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
