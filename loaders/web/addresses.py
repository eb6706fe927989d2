"""Addresses and secrets as somebody set them, before anything is sent anywhere. What is refused is never quoted: it may hold a secret."""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from loaders.errors import SettingsError


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, by its name alone: nothing is looked up."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def sound_url(name: str, url: str) -> str:
    """A URL that a secret may be sent to: https, or http to this very machine; no credentials of its own. SettingsError otherwise."""
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        if is_safe and parts.hostname and parts.port != 0 and "@" not in parts.netloc and not parts.query and not parts.fragment:
            return url
    except ValueError:
        pass
    raise SettingsError(f"{name} is no https:// address without user name, password, query and fragment.")


def plain_secret(name: str, values: Mapping[str, str]) -> str | None:
    """A secret as a header may hold it: a line break pasted along would be a header of its own. SettingsError otherwise."""
    text = values.get(name, "").strip()
    if not text.isprintable() or not text.isascii():
        raise SettingsError(f"{name} holds characters that no credential has.")
    return text or None
