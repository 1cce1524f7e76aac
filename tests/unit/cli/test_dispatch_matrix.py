"""`datchuan dispatch matrix`: every chỉ tiêu, sector and commune on screen, as HTML, as Markdown and as JSON."""

import datetime as dt
import html.parser
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from datchuan.cli.main import app
from datchuan.matrix.coverage import day_of
from shared.catalog.load import SHIPPED, load_catalog

CAO_LOC = "caoloc-ubnd-vp-2024-09"
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["dispatch", "matrix", *arguments], env={"COLUMNS": "250", **environment})


class Cells(html.parser.HTMLParser):
    """Counts the tags of a page and keeps its words; a page that loads anything has a src or href."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_rendered_matrix_of_cao_loc_is_what_the_command_gives(tmp_path: Path) -> None:
    page, text = tmp_path / "a.html", tmp_path / "a.md"

    result = run(CAO_LOC, "--at", "2024-10-15", "--html", str(page), "--markdown", str(text))

    remedy = "write it anew: datchuan dispatch matrix with --html and --markdown"
    assert result.exit_code == 0
    assert page.read_text("utf-8") == (EXAMPLES / "ma-tran-cao-loc.html").read_text("utf-8"), remedy
    assert text.read_text("utf-8") == (EXAMPLES / "ma-tran-cao-loc.md").read_text("utf-8"), remedy


def test_the_page_has_every_commune_and_loads_nothing() -> None:
    page = (EXAMPLES / "ma-tran-cao-loc.html").read_text("utf-8")
    communes = [unit.name_vi for unit in load_catalog().units if unit.parent == "183"]

    cells = Cells(page)
    words = " ".join(cells.words)
    assert len(communes) == 22
    assert [name for name in communes if name not in words] == []
    assert cells.links == []
    assert "url(" not in page
    assert "@import" not in page
    assert cells.tags.count("td") > 21 * 22
    for said in (
        "Chỉ phản ánh phần y tế.",
        "15/10/2024",
        "chưa chắc chắn",
        "UBND huyện Cao Lộc",
        "số hiệu chỉ tiêu nhớ",
    ):
        assert said in words


def test_every_chi_tieu_of_every_commune_has_an_answer_and_its_kind() -> None:
    (found,) = json.loads(run(CAO_LOC, "--at", "2024-10-15", "--json").stdout)["matrices"]

    rows = {(row["node"], row["sector_vi"]): row["answers"] for row in found["rows"]}
    assert len(rows) == 22
    assert all(len(answers) == (1 if node == "huyen_ntm/5.1" else 22) for (node, _), answers in rows.items())
    insurance = {(answer["charge"], *answer["owners"]) for answer in rows["xa_ntm/15.1", ""]}
    health = {(answer["charge"], *answer["owners"]) for answer in rows["xa_ntm/17.10", "ngành Y tế"]}
    unknown = rows["xa_ntm_nang_cao/18.5", "chưa rõ ngành hoặc nhiều ngành"][0]
    assert insurance == {("lead", "Bảo hiểm xã hội huyện")}
    assert health == {("directing", "Văn phòng HĐND và UBND huyện")}
    assert (unknown["charge"], unknown["owners"]) == ("nobody", [])
    assert unknown["gaps"][0].startswith("Không nêu đơn vị phụ trách khi chưa rõ ngành")
    assert {row["code_confidence"] for row in found["rows"]} == {"recalled", "verified"}


def test_on_screen_communes_with_the_same_answer_are_one_line() -> None:
    result = run(CAO_LOC, "--at", "2024-10-15")

    assert result.exit_code == 0
    assert "22 line(s), 14 without a lead." in result.stdout
    assert "cả 22 đơn vị cấp xã" in result.stdout
    assert "Chỉ phản ánh phần y tế." in " ".join(result.stdout.split())


def a_new_commune() -> str:
    """Return the id of a commune that was formed when the districts ended."""
    return next(unit.id for unit in load_catalog().units if unit.effective_from == dt.date(2025, 7, 1))


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_day_on_which_nothing_is_judged_says_why_and_names_a_day_on_which_something_is(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "catalog")
    path = folder / "dispatches" / "giang-thanh-2025.yaml"
    of_today = path.read_text("utf-8").replace('["914"]', f'["{a_new_commune()}"]').replace("to: 2025-06-30", "to:")
    path.write_text(of_today, encoding="utf-8")

    result = run("giangthanh-ttyt-496-2025", "--at", "2026-11-22", *arguments, DATCHUAN_CATALOG=str(folder))

    assert result.exit_code == 0, result.output
    assert "QĐ 51/2025/QĐ-TTg has no thresholds in the catalog (it is disabled)" in result.stderr
    assert "QĐ 318/QĐ-TTg ended on 2026-02-14" in result.stderr
    assert "Give --at 2026-02-14, the last day" in result.stderr


def test_a_commune_with_a_dispatch_of_its_own_is_left_out(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "catalog")
    text = (folder / "dispatches" / "cao-loc-2024-09.yaml").read_text("utf-8")
    own = text.replace('scope: ["183"]', 'scope: ["06208"]').replace(f"id: {CAO_LOC}", "id: thuy-hung")
    (folder / "dispatches" / "thuy-hung.yaml").write_text(own, encoding="utf-8")

    result = run("--at", "2024-10-15", "--json", DATCHUAN_CATALOG=str(folder))

    of_dispatch = {found["dispatch"]: found["rows"][0]["answers"] for found in json.loads(result.stdout)["matrices"]}
    assert len(of_dispatch[CAO_LOC]) == 21
    assert [answer["unit"] for answer in of_dispatch["thuy-hung"]] == ["06208"]


def test_names_from_the_catalog_never_become_markup(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED, tmp_path / "catalog")
    file = folder / "dispatches" / "cao-loc-2024-09.yaml"
    bad = file.read_text("utf-8").replace("Bảo hiểm xã hội huyện,", "'<script>x</script> | bảo hiểm',")
    file.write_text(bad, encoding="utf-8")
    page, text = tmp_path / "a.html", tmp_path / "a.md"

    run(CAO_LOC, "--html", str(page), "--markdown", str(text), DATCHUAN_CATALOG=str(folder))

    assert "script" not in Cells(page.read_text("utf-8")).tags
    assert r"\<script>x\</script> \| bảo hiểm |" in text.read_text("utf-8")
    assert "<script" not in text.read_text("utf-8").replace(r"\<", "")


@pytest.mark.parametrize(
    ("today", "shown"), [("2024-10-15", "2024-10-15"), ("2026-11-22", "2025-06-30"), ("2020-01-01", "2024-09-01")]
)
def test_without_a_date_a_dispatch_is_shown_for_today_or_its_nearest_day(today: str, shown: str) -> None:
    found = day_of(load_catalog().dispatch_by_id[CAO_LOC], dt.date.fromisoformat(today))

    assert found.isoformat() == shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no dispatch 'nowhere'"),
        ((CAO_LOC, "--at", "2026-01-01"), "not in force on 2026-01-01"),
        (("--at", "2026-01-01"), "no dispatch is in force on 2026-01-01"),
        (("--at", "2025-04-01", "--html", "x.html"), "2 dispatches cannot be one page"),
    ],
)
def test_a_wrong_question_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    result = run(CAO_LOC, "--html", str(tmp_path / "nowhere" / "a.html"))

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
