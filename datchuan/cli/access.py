"""The token that a command sends with."""

from datchuan.cli.session import Session
from datchuan.errors import USAGE, CommandError
from datchuan.stack.access import LOCAL_SOURCE, ensure_token


class Access:
    """Finds the token to send with: given, set in the environment, or that of the running stack."""

    def __init__(self, session: Session, source: str | None, token: str | None) -> None:
        self._session = session
        self._source = source
        self._token = token

    async def token(self) -> str:
        """Return the token."""
        set_token = self._session.settings.token
        if self._token or set_token:
            return self._token or (set_token.get_secret_value() if set_token else "")
        stack = self._session.stack
        if stack is None:
            raise CommandError("no token is known", "Give --token or DATCHUAN_TOKEN_FILE.", USAGE)
        return await ensure_token(self._session.folder, stack.database_url, self._source or LOCAL_SOURCE)
