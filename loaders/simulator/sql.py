"""Pieces of SQL that turn a record's number into believable values, the same ones every time.

Every value is a closed expression of the record's number ``i`` and of ``lo``, 64 bits drawn from the seed, the topic
and that number. So any row can be written on its own, in any order, and ten million of them need no memory.
MD5 is used because it never changes; DuckDB's own ``hash`` may from one version to the next.
"""

import hashlib
from collections.abc import Sequence
from zlib import crc32

from loaders.simulator.vocabulary import FIRST_NAMES, LAST_NAMES, MAIL_FIRST, MAIL_LAST

SHARED_EVERY = 10
"""Every tenth record has the same id in all organizations: an id is unique within its organization alone."""


def literal(text: str) -> str:
    """``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def choices(values: Sequence[str | None]) -> str:
    """``values`` as an SQL list; None is null, which is not the same as the empty string."""
    return "[" + ", ".join("null" if value is None else literal(value) for value in values) + "]"


def dice(salt: str, sides: int) -> str:
    """A number in [0, sides), fixed per record; each salt takes the remainder by another divisor, so salts do not move together."""
    return f"((lo % {1_000_000_000 + crc32(salt.encode()) % 1_000_000_000 | 1}) % {sides})::bigint"


def pick(salt: str, values: Sequence[str | None], *, moves: bool = False) -> str:
    """One of ``values``, fixed per record, or going round with each version when it ``moves``."""
    return f"{choices(values)}[1 + ({dice(salt, len(values))}{' + v' if moves else ''}) % {len(values)}]"


def one_in(salt: str, sides: int) -> str:
    """True for one record in ``sides``."""
    return f"({dice(salt, sides)} = 0)"


def amount(salt: str, low: int, high: int) -> str:
    """An exact amount with two decimals, from ``low`` to below ``high``."""
    return f"(({low * 100} + {dice(salt, (high - low) * 100)})::decimal(12, 0) * 0.01)::decimal(12, 2)"


def identifier(seed: int, organization_id: str, entity: str, number: int) -> str:
    """The id of an entity's record, as :func:`macros` has SQL compute it."""
    space = "shared" if number % SHARED_EVERY == 0 else organization_id
    return _dashed(hashlib.md5(f"{seed}:{space}:{entity}:{number}".encode(), usedforsecurity=False).hexdigest())


def _dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def macros(seed: int, organization_id: str) -> list[str]:
    """Statements that define what the expressions of one organization's columns call."""
    space = f"case when n % {SHARED_EVERY} = 0 then '{seed}:shared:' else '{seed}:{organization_id}:' end"
    people = {"first_name": (FIRST_NAMES, "n * 7 + 3"), "last_name": (LAST_NAMES, "n * 13 + n // 17")}
    mail = {"mail_first": (MAIL_FIRST, "n * 7 + 3"), "mail_last": (MAIL_LAST, "n * 13 + n // 17")}
    bodies = {
        "organization_id()": literal(organization_id),
        "dashed(h)": "concat(h[1:8], '-', h[9:12], '-4', h[14:16], '-a', h[18:20], '-', h[21:32])",
        "uid(entity, n)": f"dashed(md5(concat({space}, entity, ':', n)))",
        "draw(entity, n)": f"md5_number_lower(concat('{seed}:{organization_id}:', entity, ':', n))",
        **{f"{name}(n)": f"{choices(words)}[1 + ({place}) % {len(words)}]" for name, (words, place) in {**people, **mail}.items()},
        "email(n)": "concat(mail_first(n), '.', mail_last(n), n, '@example.com')",
        "phone(n)": "concat('+1555', lpad((n * 7919 % 10000000)::varchar, 7, '0'))",
        "unit_number(n)": "concat(chr((65 + n % 8)::integer), '-', 101 + n // 8)",
    }
    return [f"create or replace temp macro {signature} as {body}" for signature, body in bodies.items()]
