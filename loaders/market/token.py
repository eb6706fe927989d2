"""The bearer token: given, or fetched with a client's credentials and fetched again before it expires. It is kept in memory alone."""

import time
from collections.abc import Callable

from loaders.errors import AccessRefused, ReadFailed
from loaders.market.settings import MarketSettings
from loaders.web.answers import Answer

_SPARE = 0.1  # of a token's life: clocks differ, and a request takes time
_USUAL_LIFE = 3600.0


class Tokens:
    """The token in force. ``fetch`` sends a form to a URL and gives the answer, whose status was good."""

    def __init__(self, settings: MarketSettings, fetch: Callable[[str, dict[str, str]], Answer]):
        self._settings, self._fetch = settings, fetch
        self._token, self._until = settings.token, float("inf")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no message."""
        return (*self._settings.secrets, *([self._token] if self._token else []))

    def current(self) -> str:
        """A token that has not expired, as far as we know; AccessRefused when there is none to be had."""
        if self._token is None or time.monotonic() >= self._until:
            self._token, self._until = self._fetched()
        return self._token

    def renew(self) -> bool:
        """Forget a token that was refused; whether another one can be had."""
        if self._settings.token:
            return False
        self._token = None
        return True

    def _fetched(self) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id or "",
            "client_secret": self._settings.client_secret or "",
        }
        answer = self._fetch(self._settings.token_url, form)
        try:
            document = answer.document
        except ReadFailed:  # whose message would quote the answer, and maybe a token
            document = None
        token = document.get("access_token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise ReadFailed(f"{answer.asked}: the service answered without an access token.")
        kind = document.get("token_type") or "Bearer"
        if str(kind).lower() != "bearer":
            raise AccessRefused(f"{answer.asked}: the service gives tokens of a kind that is not known here, and no bearer token.")
        life = document.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and 0 < life < 10**9 else _USUAL_LIFE
        return token, time.monotonic() + seconds * (1 - _SPARE)
