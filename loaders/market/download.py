"""A finished job's file, from the storage's signed address to its place on the shelf.

The service's redirect is followed by hand, and the storage never sees our token. What breaks is gone on with where it broke, if the
storage knows how, and from its beginning if not; an address that expired is asked for anew.
"""

import json
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx

from loaders.errors import LoaderError, NoSuchJob, ReadFailed, ServerUnreachable, TooMuchAsked
from loaders.formats import recognised
from loaders.landing import sha256_of, writing
from loaders.limits import Allowance, Limits
from loaders.market.landing import keep, landed_jobs, part_of
from loaders.market.ledger import MarketJob, utc_now
from loaders.market.market import Market
from loaders.progress import Line
from loaders.web.http import crossing, open_http, safe_target

_CHUNK = 2**20
_MOST_HOPS = 3  # a storage may send one on to the region where the file is
_SHORTEST_TIME, _SLOWEST = 600, 10_000  # seconds; bytes a second
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_LIFE = timedelta(days=7, hours=1)  # of an address, says the vendor; maybe of the file
_ERROR_KEYS = {"error", "errors", "message", "code", "status", "detail"}


class _NotHandedOver(ReadFailed):
    """The storage has no such file, or does not give it to us."""


@dataclass(slots=True)
class _Part:
    """Bytes that have arrived so far. ``tag`` names the content they are of, where the storage names it; ``total`` is its length."""

    path: Path
    tag: str | None = None
    total: int | None = None

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def start_over(self) -> None:
        with writing(self.path):
            self.path.write_bytes(b"")


def download(market: Market, job: MarketJob) -> MarketJob:
    """Land a succeeded job's file; the job as it is then. ReadFailed, NoSuchJob when the service has it no more, TooMuchAsked."""
    with market.alone():
        if known := next((one for one in landed_jobs(market.shelf) if one.request_id == job.request_id), None):
            return _note(market, replace(job, size_bytes=known.size_bytes, sha256=known.sha256))
        part = _Part(part_of(market.shelf, job))
        part.start_over()
        try:
            with closing(open_http()) as http:
                market.client.repeating((ReadFailed, ServerUnreachable))(_fetch, market, http, job, part)
            _unpack(part.path, market.settings.limits)
            if job.format == "jsonl":
                _unmark(part.path)
            _check_content(part, job)
            done = replace(job, size_bytes=part.size, sha256=sha256_of(part.path))
            keep(market.shelf, done, part.path)
        except NoSuchJob as error:
            raise _lost(market, job, error) from None
        except _NotHandedOver as error:
            raise _lost(market, job, error) if utc_now() - (job.checked_at or job.asked_at) > _LIFE else error from None
        finally:
            part.path.unlink(missing_ok=True)
        return _note(market, done)


def _lost(market: Market, job: MarketJob, why: LoaderError) -> NoSuchJob:
    """Nobody will get the file any more: it can be asked for again."""
    market.ledger.write(replace(job, state="lost", message=f"its file is gone: {why}"))
    return NoSuchJob(f"its file is gone: {why}")


def _note(market: Market, job: MarketJob) -> MarketJob:
    landed = replace(job, state="landed")
    market.ledger.write(landed)
    market.say(Line(f"downloaded {landed.size_bytes:,} bytes: {landed.label}", step="market", job_id=job.job_id, bytes=landed.size_bytes))
    return landed


def _fetch(market: Market, http: httpx.Client, job: MarketJob, part: _Part) -> None:
    """One attempt, from an address asked for anew: the one before may have expired."""
    assert job.job_id is not None
    target = market.client.result_address(job.job_id)
    asked = f"the file of job {job.job_id} from {target.host}"
    for _ in range(_MOST_HOPS):
        with crossing(asked), http.stream("GET", target, headers=_wanted(part)) as response:
            location = response.headers.get("location")
            if not (response.is_redirect and location):
                _take(response, part, asked, market)
                return
            target = safe_target(location, str(target), asked)
    raise ReadFailed(f"{asked}: the storage sends one on and on.")


def _wanted(part: _Part) -> dict[str, str]:
    """The rest of what has begun to arrive, if it is still the same content. No credentials: the address is signed."""
    return {"Range": f"bytes={part.size}-", "If-Range": part.tag} if part.tag and part.size else {}


def _take(response: httpx.Response, part: _Part, asked: str, market: Market) -> None:
    if response.status_code not in (200, 206):
        start = next(response.iter_bytes(2_000), b"")
        code = re.search(rb"<Code>([A-Za-z]{1,40})</Code>", start)
        why = f": {code[1].decode()}" if code else ""
        kind = _NotHandedOver if response.status_code in (401, 403, 404, 410) else ReadFailed
        raise kind(f"{asked} ({response.status_code}): the storage does not hand it over{why}; its address may have expired.")
    is_rest = response.status_code == 206 and _continues(response, part)
    if response.status_code == 206 and not is_rest:
        part.start_over()
        part.tag = None
        raise ReadFailed(f"{asked}: the storage sent another part than was asked for.")
    if not is_rest:
        part.start_over()
        part.tag, part.total = _tag(response), _length(response)
    expected = (part.total or 0) - part.size if part.total is not None else 0
    with Allowance(market.settings.limits, part.path.parent).of(asked, max(expected, 0)), writing(part.path), part.path.open("ab") as file:
        for chunk in _bounded(response, part.size, market.settings.limits, asked):
            file.write(chunk)
    if part.total is not None and part.size != part.total:
        raise ReadFailed(f"{asked}: {part.size:,} bytes arrived, and {part.total:,} were announced.")


def _bounded(response: httpx.Response, size: int, limits: Limits, asked: str) -> Iterator[bytes]:
    began = time.monotonic()
    for chunk in response.iter_bytes():  # as they come: what has arrived is kept
        size += len(chunk)
        if size > limits.file_bytes:
            raise TooMuchAsked(f"{asked}: more than the {limits.file_bytes:,} bytes that one file may have: FORTRESS_MAX_FILE_BYTES.")
        if time.monotonic() - began > _SHORTEST_TIME + size / _SLOWEST:
            raise ReadFailed(f"{asked}: it drips in too slowly.")
        yield chunk


def _continues(response: httpx.Response, part: _Part) -> bool:
    place = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", response.headers.get("content-range", ""))
    return bool(place) and int(place[1]) == part.size and int(place[2]) == part.total and _tag(response) in (None, part.tag)


def _tag(response: httpx.Response) -> str | None:
    """A strong tag of content that is sent as it is; only such can be gone on with."""
    tag = response.headers.get("etag", "")
    return tag if re.fullmatch(r'"[!-~]{1,200}"', tag) and _length(response) is not None else None


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    is_plain = response.headers.get("content-encoding", "identity").lower() == "identity"
    return int(text) if is_plain and re.fullmatch(r"\d{1,18}", text) else None


def _unpack(path: Path, limits: Limits) -> None:
    """A gzipped file becomes what it holds; nobody says whether the vendor's are."""
    with path.open("rb") as packed:
        if packed.read(2) != _GZIP:
            return
        packed.seek(0)
        unpacked, machine, size = path.with_name(path.name + ".unpacked.part"), zlib.decompressobj(zlib.MAX_WBITS | 16), 0
        with _removing(unpacked), writing(unpacked):
            with unpacked.open("wb") as file:
                while (chunk := machine.unconsumed_tail or packed.read(_CHUNK)) and not machine.eof:
                    size += file.write(_inflated(machine, chunk, path))
                    if size > limits.file_bytes:
                        raise TooMuchAsked(f"{path.name}: it unpacks to more than FORTRESS_MAX_FILE_BYTES, {limits.file_bytes:,} bytes.")
            if not machine.eof:
                raise ReadFailed(f"{path.name}: the gzipped file was cut short.")
            unpacked.replace(path)


def _inflated(machine: "zlib._Decompress", chunk: bytes, path: Path) -> bytes:
    try:
        return machine.decompress(chunk, _CHUNK)
    except zlib.error:
        raise ReadFailed(f"{path.name}: the gzipped file is damaged.") from None


@contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _unmark(path: Path) -> None:
    """JSON must not begin with a byte-order mark, and some files of it do: what lands has none, for no reader takes it."""
    with path.open("rb") as marked:
        if marked.read(3) != _BOM:
            return
        plain = path.with_name(path.name + ".plain.part")
        with _removing(plain), writing(plain):
            with plain.open("wb") as file:
                shutil.copyfileobj(marked, file, _CHUNK)
            plain.replace(path)


def _check_content(part: _Part, job: MarketJob) -> None:
    """ReadFailed when the bytes are plainly not of the format that was asked for: an error page comes with a status of 200 now and then."""
    with part.path.open("rb") as file:
        start = file.read(512)
        file.seek(-min(4, part.size), os.SEEK_END)
        end = file.read()
    if job.format == "parquet":
        wrong = recognised(start, is_text=False) or ("no whole Parquet file" if (start[:4], end) != (b"PAR1", b"PAR1") else None)
    elif job.format == "jsonl":
        is_object = start.lstrip()[:1] in (b"{", b"")
        wrong = _error_message(start) if is_object else recognised(start, is_text=True) or "no lines of JSON"
    else:
        wrong = recognised(start, is_text=True) if start or part.total is not None else "empty: not even a header is there"
    if wrong:
        raise ReadFailed(f"the file of job {job.job_id} is {wrong}, not {job.format}: nothing of it is kept. Try again later.")


def _error_message(start: bytes) -> str | None:
    """What a short JSON document is that holds nothing but an error; None for a row."""
    try:
        document = json.loads(start)
    except ValueError:
        return None
    return "an error message" if document and document.keys() <= _ERROR_KEYS else None
