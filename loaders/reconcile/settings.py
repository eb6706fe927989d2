"""Where the platform's REST API is, and the key to it. Without a key there is no reconciliation, and nothing else changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from loaders.errors import SettingsError
from loaders.settings import read_key_file, read_values
from loaders.web.addresses import plain_secret, sound_url

VENDOR_URL = "https://api.fortresstech.io/v1"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The API's address without a slash at its end, and the key, which is kept out of ``repr``."""

    url: str = VENDOR_URL
    key: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The API as messages name it."""
        return urlsplit(self.url).netloc


def load_api_settings(environ: Mapping[str, str] | None = None, **options: object) -> ApiSettings:
    """The settings of the environment and ``.env``; SettingsError, which quotes no secret, when one cannot be used or no key is set."""
    values = read_values(environ, **options)  # type: ignore[arg-type]
    url = sound_url("FORTRESS_API_URL", values.get("FORTRESS_API_URL", VENDOR_URL).rstrip("/"))
    return ApiSettings(url, _key(values))


def _key(values: Mapping[str, str]) -> str:
    path = values.get("FORTRESS_API_KEY_FILE")
    if path and values.get("FORTRESS_API_KEY"):
        raise SettingsError("FORTRESS_API_KEY and FORTRESS_API_KEY_FILE are both set: which of them counts? Unset one.")
    text = read_key_file("FORTRESS_API_KEY_FILE", path).decode("latin-1") if path else values.get("FORTRESS_API_KEY", "")
    name = "FORTRESS_API_KEY_FILE" if path else "FORTRESS_API_KEY"
    if not (key := plain_secret(name, {name: text})):
        raise SettingsError(
            "there is no access to the platform's API: set FORTRESS_API_KEY, or FORTRESS_API_KEY_FILE to a file that holds the key, "
            "in the environment or in .env."
        )
    return key
