"""The URL of PostgreSQL: of one server, or of a primary and its standbys."""

from urllib.parse import parse_qsl, urlencode

_SCHEMES = {"postgresql", "postgres", "postgresql+asyncpg"}
# Words of libpq that say what is done anyway: of several servers, only the one that takes writes is used.
_IMPLIED = ("target_session_attrs", "load_balance_hosts")


def normal_database_url(given: str) -> str:
    """Return the URL as SQLAlchemy writes it for asyncpg; raise ValueError, without the password, when it is none.

    >>> normal_database_url("postgresql://u:p@h1:5432,h2/d?target_session_attrs=read-write")
    'postgresql+asyncpg://u:p@/d?host=h1:5432&host=h2:5432'
    """
    scheme, separator, rest = given.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise ValueError(
            "must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with HOST:PORT,HOST:PORT for a primary and "
            "its standby"
        )
    # libpq's word for it is sslmode, asyncpg's is ssl.
    rest = rest.replace("sslmode=", "ssl=")
    before, _, query = rest.partition("?")
    authority, slash, database = before.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return f"postgresql+asyncpg://{rest}"
    pairs = [(key, value) for key, value in parse_qsl(query) if key not in _IMPLIED]
    pairs += [("host", host if ":" in host else f"{host}:5432") for host in hosts.split(",") if host]
    return f"postgresql+asyncpg://{credentials}{at}{slash}{database}?{urlencode(pairs, safe=':')}"
