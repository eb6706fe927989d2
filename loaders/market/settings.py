"""What the market commands may be told from outside. Without a token or a client's credentials there is no market data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from loaders.durations import parse_duration
from loaders.errors import SettingsError
from loaders.settings import read_values
from loaders.web.addresses import plain_secret, sound_url

VENDOR_URL = "https://data.apartmentiq.io/apartmentiq/api/v1"


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """Where the service is and who we are to it. Secrets are kept out of ``repr``; ``url`` has no slash at its end.

    ``settle``: how long a request whose answer got lost is looked for before it is sent again; None for the usual.
    """

    url: str = VENDOR_URL
    token_url: str = ""
    token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    callback_url: str | None = field(default=None, repr=False)
    settle: timedelta | None = None

    @property
    def host(self) -> str:
        """The service as messages name it."""
        return urlsplit(self.url).netloc

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no message."""
        return tuple(text for text in (self.token, self.client_secret) if text)


def load_market_settings(environ: Mapping[str, str] | None = None, **options: object) -> MarketSettings:
    """The settings of the environment and ``.env``; SettingsError, which quotes no secret, when one cannot be used."""
    values = read_values(environ, **options)  # type: ignore[arg-type]
    url = sound_url("FORTRESS_MARKET_URL", values.get("FORTRESS_MARKET_URL", VENDOR_URL).rstrip("/"))
    parts = urlsplit(url)
    token_url = values.get("FORTRESS_MARKET_TOKEN_URL", f"{parts.scheme}://{parts.netloc}/oauth/token")
    callback_url = values.get("FORTRESS_MARKET_CALLBACK_URL")
    return MarketSettings(
        url=url,
        token_url=sound_url("FORTRESS_MARKET_TOKEN_URL", token_url),
        token=plain_secret("FORTRESS_MARKET_TOKEN", values),
        client_id=plain_secret("FORTRESS_MARKET_CLIENT_ID", values),
        client_secret=plain_secret("FORTRESS_MARKET_CLIENT_SECRET", values),
        callback_url=sound_url("FORTRESS_MARKET_CALLBACK_URL", callback_url.rstrip("/")) if callback_url else None,
        settle=_settle(values.get("FORTRESS_MARKET_SETTLE")),
    )


def _settle(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise SettingsError(f"FORTRESS_MARKET_SETTLE: {error}") from None


def require_credentials(settings: MarketSettings) -> MarketSettings:
    """The same settings; SettingsError when they say neither a token nor how to get one."""
    if not settings.token and not (settings.client_id and settings.client_secret):
        raise SettingsError(
            "there is no access to market data: set FORTRESS_MARKET_CLIENT_ID and FORTRESS_MARKET_CLIENT_SECRET, or FORTRESS_MARKET_TOKEN, "
            "in the environment or in .env."
        )
    return settings
