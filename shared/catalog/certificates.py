"""How long a certificate counts: the one reckoning of a validity in years."""

import datetime as dt


def last_day(first_day: dt.date, years: int) -> dt.date:
    """Return the last day of a certificate that counts for `years` from its first day: the eve of the anniversary.

    >>> last_day(dt.date(2022, 4, 15), 3)
    datetime.date(2025, 4, 14)
    >>> last_day(dt.date(2024, 2, 29), 3)
    datetime.date(2027, 2, 28)
    """
    year = first_day.year + years
    try:
        anniversary = first_day.replace(year=year)
    except ValueError:  # 29 February
        anniversary = dt.date(year, 3, 1)
    return anniversary - dt.timedelta(days=1)
