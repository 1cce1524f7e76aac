"""What people read of a dry run's forecast."""

from typing import Any

from datchuan.cli.forecast_lines import forecast_lines


def a_verdict(unit: str = "06208", node: str = "xa_ntm/15.1", **fields: Any) -> dict[str, Any]:
    known = {
        "unit": unit, "unit_name_vi": "Xã Thụy Hùng", "node": node, "node_name_vi": "BHYT", "from_status": "met",
        "to_status": "not_met", "reason": "below_target", "gap": 17, "text_vi": "Xã Thụy Hùng: 15.1: đạt → chưa đạt",
    }  # fmt: skip
    return known | fields


def an_alert(node: str = "xa_ntm/15.1", **fields: Any) -> dict[str, Any]:
    known = {
        "unit": "06208", "node": node, "addressee_vi": "BHXH huyện", "role": "lead", "role_vi": "chủ trì",
        "dispatch": "cv-1", "clause": "mục 5", "channel": "mail", "unroutable": "", "text_vi": "tin",
    }  # fmt: skip
    return known | fields


def lines(*forecasts: dict[str, Any], is_vi: bool = False) -> list[str]:
    return list(forecast_lines({f"{n}.csv": found for n, found in enumerate(forecasts)}, is_vi=is_vi))


def test_a_commune_is_named_once_above_its_verdicts() -> None:
    told = lines({"verdicts": [a_verdict(), a_verdict(node="xa_ntm/18", text_vi=""), a_verdict("2", unit_name_vi="B")]})

    assert told == [
        "would change in Xã Thụy Hùng (06208):",
        "  15.1: đạt → chưa đạt",
        "  xa_ntm/18 BHYT: met → not_met (below_target, 17 missing)",
        "would change in B (2):",
        "  Xã Thụy Hùng: 15.1: đạt → chưa đạt",
    ]


def test_each_addressee_is_told_once_with_the_number_of_verdicts_and_the_first_clause() -> None:
    alerts = [an_alert(), an_alert("xa_ntm/18"), an_alert(role="directing", unroutable="no_address", channel="")]

    told = lines({"verdicts": [a_verdict()], "alerts": alerts})[2:]

    assert told[0] == "would be told: BHXH huyện (lead) by mail: 2 verdict(s) in Xã Thụy Hùng; first cv-1 mục 5: tin"
    assert told[1].startswith("would be told to nobody (no_address): BHXH huyện (directing): 1 verdict(s) in Xã Thụy")
    assert len(told) == 2


def test_several_files_are_said_to_be_foreseen_each_alone() -> None:
    told = lines({"verdicts": [a_verdict()], "omitted": 2}, {"note": "no evaluator has judged yet"})

    assert told[0].startswith("Each file is foreseen alone")
    assert told[1] == "0.csv:"
    assert told[-3:] == ["and 2 more verdicts would change.", "1.csv:", "no evaluator has judged yet"]


def test_a_forecast_can_be_read_in_vietnamese() -> None:
    found = {"verdicts": [a_verdict(text_vi="")], "alerts": [an_alert()], "alerts_omitted": 3, "note_vi": "ghi chú"}

    assert lines(found, is_vi=True) == [
        "sẽ thay đổi tại Xã Thụy Hùng (06208):",
        "  xa_ntm/15.1 BHYT: đạt → chưa đạt (dưới ngưỡng, còn thiếu 17)",
        "sẽ nhận thông báo: BHXH huyện (chủ trì) qua mail: 1 kết quả tại Xã Thụy Hùng; đầu tiên cv-1 mục 5: tin",
        "và 3 thông báo khác.",
        "ghi chú",
    ]
