"""Why there is no forecast, or why it does not cover everything: each in English and in Vietnamese."""

from typing import Final, NamedTuple


class Note(NamedTuple):
    """One sentence in two languages."""

    en: str
    vi: str


NEVER_JUDGED: Final = Note(
    "No forecast: the evaluator has judged nothing yet. Start it, then try again.",
    "Chưa dự báo được: bộ phận đánh giá chưa chạy lần nào. Hãy khởi động rồi thử lại.",
)
AWAY: Final = Note(
    "No forecast: the database did not answer in time. The check of the rows stands; try again later.",
    "Chưa dự báo được: cơ sở dữ liệu không trả lời kịp. Kết quả kiểm tra từng dòng vẫn đúng; hãy thử lại sau.",
)
BUSY: Final = Note(
    "No forecast: others are being made. The check of the rows stands; try again in a moment.",
    "Chưa dự báo được: đang có dự báo khác. Kết quả kiểm tra từng dòng vẫn đúng; hãy thử lại sau ít phút.",
)
BACKLOG: Final = Note(
    "Many committed reports still wait to be judged; the forecast does not count them in.",
    "Còn nhiều số liệu đã nhận đang chờ đánh giá; dự báo chưa tính đến các số liệu này.",
)


def left_out(units: int) -> Note:
    """Return the note that some units were not looked at: too many of them, or of their reports, or too little time."""
    return Note(
        f"The forecast leaves out {units} further unit(s): it is limited in units, reports and time. "
        "Send fewer units at once to see them.",
        f"Dự báo chưa xét thêm {units} đơn vị hành chính do giới hạn về số đơn vị, số bản ghi và thời gian. "
        "Hãy gửi ít đơn vị hơn mỗi lần để xem đầy đủ.",
    )
