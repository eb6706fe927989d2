"""HTTP as this project speaks it: no redirect is followed, every body is bounded, every failure has one of our names."""

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import httpx

from loaders.errors import AccessRefused, CertificateRefused, LoaderError, ReadFailed, ServerUnreachable
from loaders.seam import shown
from loaders.web.addresses import is_loopback
from loaders.web.answers import Answer

_TIMEOUT = httpx.Timeout(60, connect=20)
_LONGEST_BODY = 64 * 2**20  # a page of a hundred jobs of tens of thousands of properties
_LONGEST_ANSWER = 180.0  # seconds, for a body that drips
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class NotSent(ServerUnreachable):
    """The request surely did not arrive: no connection came about."""


def open_http() -> httpx.Client:
    """A client without any credentials. Proxies and certificates are the environment's (HTTPS_PROXY, SSL_CERT_FILE); none for loopback."""
    direct = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}
    headers = {"User-Agent": "fortress-warehouse", "Accept-Encoding": "identity"}
    trusted = _trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return httpx.Client(verify=trusted, follow_redirects=False, timeout=_TIMEOUT, mounts=direct, headers=headers)


@cache
def _trusted(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """The authorities that these variables name, else the usual ones. Read once: it takes longer than most requests."""
    return httpx.create_ssl_context()


@contextmanager
def crossing(asked: str) -> Iterator[None]:
    """Within: the library's exceptions leave as ours, naming what was asked."""
    try:
        yield
    except httpx.HTTPError as error:
        raise _in_our_words(asked, error) from None  # its text and its request may hold a signed address
    except (httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise ReadFailed(f"{asked}: {type(error).__name__}: {shown(str(error)[:200])}") from None


def send(http: httpx.Client, method: str, url: str, asked: str, **content: object) -> Answer:
    """One request and its answer, read whole; ServerUnreachable, NotSent, CertificateRefused, ReadFailed."""
    with crossing(asked), http.stream(method, url, **content) as response:  # type: ignore[arg-type]
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(asked, response.status_code, headers, _body(response, asked))


def safe_target(location: str, base: str, asked: str) -> httpx.URL:
    """Where a redirect leads, if one may go there: over https, or to this machine when the service itself is on it; AccessRefused."""
    with crossing(asked):
        target = httpx.URL(base).join(location)
    is_local = is_loopback(target.host)
    if (
        target.userinfo
        or is_local != is_loopback(httpx.URL(base).host)
        or not (target.scheme == "https" or (is_local and target.scheme == "http"))
    ):
        raise AccessRefused(f"{asked}: the answer leads to {shown(target.scheme)}://{shown(target.host)}, where nothing is fetched from.")
    return target


def _body(response: httpx.Response, asked: str) -> bytes:
    began, chunks, size = time.monotonic(), [], 0
    for chunk in response.iter_bytes(65_536):
        size += len(chunk)
        if size > _LONGEST_BODY:
            raise ReadFailed(f"{asked}: the answer is longer than {_LONGEST_BODY:,} bytes.")
        if time.monotonic() - began > _LONGEST_ANSWER:
            raise ReadFailed(f"{asked}: the answer does not end within {_LONGEST_ANSWER:.0f} s.")
        chunks.append(chunk)
    return b"".join(chunks)


def _in_our_words(asked: str, error: httpx.HTTPError) -> LoaderError:
    text = shown(str(error)[:200]) or type(error).__name__
    if isinstance(error, httpx.ConnectError) and _is_certificate(error):
        return CertificateRefused(f"{asked}: {text}. If that authority is to be trusted, SSL_CERT_FILE names a file with its certificate.")
    return (NotSent if isinstance(error, _NEVER_SENT) else ServerUnreachable)(f"{asked}: {type(error).__name__}: {text}")


def _is_certificate(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
