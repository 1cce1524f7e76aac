"""Tables of units to import: one of succession, one plain, and the command that reads them."""

from pathlib import Path

from typer.testing import CliRunner, Result

from datchuan.cli.main import app

HEAD = "old_code,old_name,old_district_code,old_district,new_code,new_name,new_province_code,kind\n"
SUCCESSION = (
    HEAD
    + """\
10001,Xã Một,301,Huyện Xa,10001,Xã Mới,30,whole
10002,Thị trấn Hai,301,Huyện Xa,10001,Xã Mới,30,whole
10003,Xã Ba,301,Huyện Xa,10003,Phường Ba,30,split-default
10003,Xã Ba,301,Huyện Xa,10004,Đặc khu Bốn,30,split
10004,Xã Bốn,302,Thị xã Gần,10004,Đặc khu Bốn,30,whole
20001,Phường Năm,201,Quận Năm,20001,Phường Năm,40,whole
"""
)
PLAIN = """\
code;name;level;parent;type;region;group;effective_from;effective_to;successors;split
30;Tỉnh Ba Mươi;province;;;;;;;;
301;Huyện Xa;district;30;;;;;2025-06-30;;
10001;Xã Một;commune;301;xa;TDMNPB;;;2025-06-30;10001@2025-07-01;
10003;Xã Ba;commune;301;;TDMNPB;;;2025-06-30;10001@2025-07-01|10002;true
10001;Xã Mới;commune;30;;TDMNPB;N2;2025-07-01;;;
10002;Phường Hai;commune;30;;;;2025-07-01;;;no
"""


def run(*arguments: object) -> Result:
    named = ["units", "import", *(str(argument) for argument in arguments)]
    return CliRunner().invoke(app, named, env={"COLUMNS": "300"})


def a_file(folder: Path, text: str, name: str = "table.csv", encoding: str = "utf-8-sig") -> Path:
    path = folder.parent / name
    path.write_bytes(text.encode(encoding))
    return path
