"""`datchuan rejudge`: what a rule change would do to the verdicts, from the journal alone."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner

from benchmarks.engine import sound_reports
from benchmarks.generator import write_workload
from benchmarks.workload import AS_OF, SCALES, write_catalog
from datchuan.cli.main import app
from datchuan.journal import newest_reports, not_applied, read_journal
from services.evaluator.domain.recompute import keep_newest, recompute
from shared.catalog.load import load_catalog
from shared.contracts.streams import INDICATOR_REPORTED, partition_stream
from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, encode
from shared.runtime import mailbox
from shared.runtime.database import create_database
from shared.testing.servers import run_in_thread

pytestmark = pytest.mark.integration

_JOURNAL = text(
    "INSERT INTO ingest.journal (seq, source, event_id, request_id, row, event) "
    "SELECT seq, source, event_id, 1, 1, event FROM unnest("
    "CAST(:seqs AS bigint[]), CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:events AS text[])) "
    "AS given (seq, source, event_id, event)"
)
_VERDICTS = text(
    "INSERT INTO evaluator.verdict (unit, node, status, reason, cells, since, ruleset, transition) "
    "SELECT unit, node, status, reason, cells, now(), 'V1', 0 FROM unnest("
    "CAST(:units AS text[]), CAST(:nodes AS text[]), CAST(:statuses AS text[]), "
    "CAST(:reasons AS text[]), CAST(:cells AS text[])) "
    "AS given (unit, node, status, reason, cells)"
)


def journal(url: str, reports: Sequence[IndicatorReported]) -> None:
    async def write() -> None:
        engine = create_database(SecretStr(url), "test")
        columns = {
            "seqs": [report.seq for report in reports],
            "sources": [report.source for report in reports],
            "ids": [report.event_id for report in reports],
            "events": [encode(report).decode() for report in reports],
        }
        async with engine.begin() as connection:
            await connection.execute(_JOURNAL, columns)
        await engine.dispose()

    run_in_thread(write())


def store_verdicts(url: str, catalog_folder: Path, reports: Sequence[IndicatorReported]) -> None:
    """Store what the catalog makes of the reports, as an evaluator would have."""
    catalog = load_catalog(catalog_folder)
    facts: dict[Any, IndicatorReported] = {}
    keep_newest(facts, reports)
    findings = recompute(catalog, facts, AS_OF).findings

    async def write() -> None:
        engine = create_database(SecretStr(url), "test")
        columns = {
            "units": [unit for unit, _ in findings],
            "nodes": [node for _, node in findings],
            "statuses": [found.status.value for found in findings.values()],
            "reasons": [found.reason.value for found in findings.values()],
            "cells": [",".join(found.cells) if found.cells else None for found in findings.values()],
        }
        async with engine.begin() as connection:
            await connection.execute(_VERDICTS, columns)
        await engine.dispose()

    run_in_thread(write())


def run(url: str, data: Path, *arguments: str) -> Any:
    environment = {"DATCHUAN_DATABASE_URL": url, "DATCHUAN_DATA": str(data), "COLUMNS": "200"}
    result = CliRunner().invoke(app, ["rejudge", *arguments, "--at", AS_OF.isoformat()], env=environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


@pytest.fixture
def present(tmp_path: Path) -> Path:
    """The catalog in force."""
    write_catalog(SCALES["province"], tmp_path / "present")
    return tmp_path / "present"


@pytest.fixture
def reports(tmp_path: Path) -> list[IndicatorReported]:
    """Two thousand sound reports, each once."""
    write_workload("province", 2_000, 1, tmp_path / "workload.jsonl")
    by_id = {report.event_id: report for report in sound_reports(tmp_path / "workload.jsonl", "province")}
    return list(by_id.values())


def test_the_same_rules_change_nothing(
    database_url: str, tmp_path: Path, present: Path, reports: list[IndicatorReported]
) -> None:
    journal(database_url, reports)
    store_verdicts(database_url, present, reports)

    found = run(database_url, tmp_path, str(present), "--json")

    assert found["events"] == len(reports)
    assert (found["changes"], found["by_node"], found["details"]) == (0, [], [])


def test_a_raised_target_is_told_by_node_and_direction_and_nothing_is_written(
    database_url: str, tmp_path: Path, present: Path, reports: list[IndicatorReported]
) -> None:
    journal(database_url, reports)
    store_verdicts(database_url, present, reports)
    write_catalog(SCALES["province"], tmp_path / "candidate", {"14.4": 75})

    found = run(database_url, tmp_path, str(tmp_path / "candidate"), "--json", "--limit", "3")
    again = run(database_url, tmp_path, str(present), "--json")

    by_node = {(row["node"], row["from_status"], row["to_status"]): row["units"] for row in found["by_node"]}
    candidates = [r for r in reports if r.indicator == "14.4" and r.numerator and r.denominator]
    fallen = {r.unit for r in candidates if 0.70 <= (r.numerator or 0) / (r.denominator or 1) < 0.75}
    assert 0 < by_node["nc/14.4", "met", "not_met"] <= len(fallen)
    assert {node for node, _, _ in by_node} <= {"nc/14.4", "nc/14", "nc"}
    assert found["changes"] == sum(by_node.values())
    assert len(found["details"]) == 3
    assert again["changes"] == 0


def test_people_are_shown_the_counts_and_the_first_changes(
    database_url: str, tmp_path: Path, present: Path, reports: list[IndicatorReported]
) -> None:
    journal(database_url, reports)
    store_verdicts(database_url, present, reports)
    write_catalog(SCALES["province"], tmp_path / "candidate", {"14.4": 75})

    shown = run(database_url, tmp_path, str(tmp_path / "candidate"))

    assert "Nothing was written." in shown
    assert "nc/14.4" in shown


def test_a_report_that_waits_for_its_verdict_is_left_out(
    database_url: str, tmp_path: Path, present: Path, reports: list[IndicatorReported]
) -> None:
    applied, waiting = reports[:1_500], reports[1_500:]
    journal(database_url, reports)
    store_verdicts(database_url, present, applied)

    async def put() -> None:
        engine = create_database(SecretStr(database_url), "test")
        message = IndicatorReportedBatch(message_id="m1", events=tuple(waiting))
        outgoing = mailbox.Outgoing(partition_stream(INDICATOR_REPORTED, 0), "m1", encode(message))
        async with engine.begin() as connection:
            await mailbox.put(connection, [outgoing])
        await engine.dispose()

    run_in_thread(put())

    found = run(database_url, tmp_path, str(present), "--json")

    assert (found["not_applied"], found["changes"]) == (len(waiting), 0)


def test_a_wrong_candidate_is_one_sentence(database_url: str, tmp_path: Path) -> None:
    environment = {"DATCHUAN_DATABASE_URL": database_url, "DATCHUAN_DATA": str(tmp_path)}

    result = CliRunner().invoke(app, ["rejudge", str(tmp_path / "nowhere")], env=environment)

    assert result.exit_code == 1
    assert "the catalog folder is missing" in result.stderr


def test_the_journal_is_read_whole_whatever_its_texts_hold(database_url: str, present: Path) -> None:
    difficult = ['back\\slash "quoted"', "hai\nrow", "tab\there", "\\N", "xã Thụy Hùng 🌾", "\\\\\\"]
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    reports = [
        IndicatorReported(
            seq=number,
            event_id=name,
            source="hmis",
            unit=f"X{number:05d}",
            indicator="15.2",
            period_start=dt.date(2026, 1, 1),
            period_end=dt.date(2026, 1, 31),
            observed_at=moment,
            part=Part.ATTESTATION,
            value=1.0,
        )
        for number, name in enumerate(difficult)
    ]
    journal(database_url, reports)

    async def read() -> tuple[list[IndicatorReported], int, frozenset[int]]:
        engine = create_database(SecretStr(database_url), "test")
        found: list[IndicatorReported] = []
        async with engine.begin() as connection:
            left_out = await not_applied(connection)
            await read_journal(connection, found.extend)
            newest = await newest_reports(connection, load_catalog(present), frozenset({0}))
        await engine.dispose()
        return found, len(newest.facts), left_out.all

    found, facts, left_out = run_in_thread(read())

    assert sorted(found, key=lambda report: report.seq) == reports
    assert left_out == frozenset()
    assert facts == len(difficult) - 1
