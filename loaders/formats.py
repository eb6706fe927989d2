"""What a file is that is neither CSV nor Parquet, in words: a server's error page arrives under an export's name now and then."""

import re

_BOM = b"\xef\xbb\xbf"
_MAGIC = {
    b"\x1f\x8b": "gzip-compressed",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ\x00": "xz-compressed",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "text in UTF-16, and must be UTF-8",
    b"\xfe\xff": "text in UTF-16, and must be UTF-8",
    b"\x00\x00\xfe\xff": "text in UTF-32, and must be UTF-8",
}
_PARQUET = {b"PAR1": "a Parquet file", b"PARE": "an encrypted Parquet file"}
_HTML = re.compile(rb"<(!doctype html|html|head|body)\b", re.IGNORECASE)


def recognised(start: bytes, is_text: bool) -> str | None:
    """What a file is by its first bytes, after "the file is"; None when it may well be what its name says.

    ``is_text``: the name says CSV; a file that is text is then no news, and Parquet is.
    """
    known = _MAGIC | _PARQUET if is_text else _MAGIC
    found = next((words for magic, words in known.items() if start.startswith(magic)), None)
    text = start.removeprefix(_BOM).lstrip()
    if found is None and text.startswith(b"<"):
        found = "an HTML page" if _HTML.match(text) else "an XML or HTML document"
    if found is None and text[:1] in (b"{", b"["):
        found = "a JSON document"
    if found is None and is_text and start[1:2] == b"\0" and start[:1].isalnum():
        found = "text in UTF-16, and must be UTF-8"
    return found
