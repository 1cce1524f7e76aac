"""Factories of verdict changes: BHYT of Xã Thụy Hùng (06208), chỉ tiêu 15.1, unless the test says otherwise."""

import datetime as dt
from typing import Any

from shared.contracts.vocabulary import Cause, ChangeKind, NodeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import CellFinding, VerdictChanged, VerdictChangedBatch

MORNING = dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC)


def a_cell(cell: str = "", numerator: int = 1149, denominator: int = 1292, threshold: float = 90) -> CellFinding:
    """Return the finding of a rate that must reach `threshold` percent."""
    needed = -int(-denominator * threshold // 100)
    met = numerator >= needed
    return CellFinding(
        cell=cell,
        status=VerdictStatus.MET if met else VerdictStatus.NOT_MET,
        reason=VerdictReason.TARGET_MET if met else VerdictReason.BELOW_TARGET,
        numerator=numerator,
        denominator=denominator,
        gap=0 if met else needed - numerator,
    )


def a_silent_cell(cell: str = "", reason: VerdictReason = VerdictReason.MISSING_SEX) -> CellFinding:
    """Return the finding of a cell without data."""
    return CellFinding(cell=cell, status=VerdictStatus.NOT_EVALUABLE, reason=reason)


def a_change(sequence: int = 1, *cells: CellFinding, to: VerdictStatus | None = None, **fields: Any) -> VerdictChanged:
    """Return a change whose verdict follows from its cells: absent beats failing beats met; without cells, `to`."""
    status, reason = _verdict(cells, to)
    known: dict[str, Any] = {
        "kind": ChangeKind.TRANSITION,
        "unit": "06208",
        "node": "xa_ntm/15.1",
        "node_kind": NodeKind.INDICATOR,
        "from_status": VerdictStatus.MET,
        "to_status": status,
        "from_reason": VerdictReason.TARGET_MET,
        "to_reason": reason,
        "cause": Cause.DATA,
        "ruleset": "R318",
        "catalog": "test",
        "occurred_at": MORNING + dt.timedelta(minutes=sequence),
        "as_of": dt.date(2024, 10, 15),
        "event_ids": (f"e{sequence}",),
        "observed_at": MORNING,
        "period_start": dt.date(2024, 9, 1),
        "period_end": dt.date(2024, 9, 30),
        "operator": ">=",
        "threshold": 90.0,
        "cells": cells,
    }
    return VerdictChanged(sequence=sequence, **(known | fields))


def a_breach(sequence: int = 1, **fields: Any) -> VerdictChanged:
    """Return: women fall under 90 % (88.93 %, 14 too few), men stay above."""
    return a_change(sequence, a_cell("male", 1200, 1250), a_cell("female"), **fields)


def a_recovery(sequence: int = 2, **fields: Any) -> VerdictChanged:
    """Return: women are back at 91.02 %."""
    before = {"from_status": VerdictStatus.NOT_MET, "from_reason": VerdictReason.BELOW_TARGET}
    return a_change(sequence, a_cell("male", 1200, 1250), a_cell("female", 1176), **(before | fields))


def a_batch(message_id: str, *changes: VerdictChanged, partition: int = 0) -> VerdictChangedBatch:
    """Return a message of changes."""
    return VerdictChangedBatch(message_id=message_id, partition=partition, changes=changes)


def _verdict(cells: tuple[CellFinding, ...], to: VerdictStatus | None) -> tuple[VerdictStatus, VerdictReason]:
    for status in (VerdictStatus.NOT_EVALUABLE, VerdictStatus.NOT_MET, VerdictStatus.MET):
        found = next((cell for cell in cells if cell.status is status), None)
        if found is not None and to in (None, status):
            return status, found.reason
    return to or VerdictStatus.NOT_EVALUABLE, VerdictReason.NO_DATA
