"""Which columns name a person or open a door, and what publishing does about them. docs/decisions/0012-personal-data-stays-in.md.

The registry decides for the columns it knows (``meta.pii``, ``meta.restricted``). A column that it does not know is judged
by its name; the lists below are the one place where such names stand. No rule looks at a free text: what somebody wrote into
a note is published with the note.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from loaders.conventions import snake_case
from loaders.registry import topics

IDENTIFIER, SECURITY = "identifier", "security"
MODES = ("exclude", "hash", "include")

# Names in snake_case; `_?` because a vendor may also write `firstname`. The first list counts wherever it stands in a name.
_UNMISTAKABLE = (
    r"e_?mail|phone|surname|nick_?name|birth_?(date|day|place)|date_?of_?birth|next_?of_?kin|user_?name|log_?in_?name|mail_?address"
    r"|(first|middle|last|full|given|family|fore|maiden|legal|preferred|display|contact|person)_?names?"
)
_WORDS = (
    r"mobile|cell|fax|whatsapp|dob|initials|forename|signature|photo|selfie|avatar|name_?(suffix|prefix)|ip_?address"
    r"|(home|mailing|forwarding|previous|billing|personal|postal|contact)_?address"
    r"|(tenant|resident|guest|occupant|owner|landlord|requestor|requester|customer|prospect|applicant|co_?applicant|signer|signatory"
    r"|guarantor|employee|staff|agent|technician|manager|roommate|spouse|partner|child|member|user|household|lessee|payer|payee)_?names?"
    r"|emergency_?contact"
)
# Never hashed: too few values to hide behind a hash, or worth more than any table that could be joined by them.
_SECRET = (
    r"ssn|social_?security(_?(number|no))?|sin|tin|itin|(national|government|gov|tax|tax_?payer)_?(id|number|no)|passport(_?(number|no))?"
    r"|driv(er|ers|ing)_?licen[cs]e(_?(number|no))?|licen[cs]e_?(plate|number|no)"
    r"|(bank_?)?account_?(number|no)|routing_?(number|no)|iban|(credit_?|debit_?)?card_?(number|no)|cvv|cvc"
    r"|pin|otp|password|passwd|passcode|pass_?phrase|secret|token|api_?key|security_?(question|answer)"
    r"|(door|gate|alarm|access|entry|lock|lock_?box|key|key_?pad|garage|elevator|security|pass|pin)_?(code|pin|combo|combination)s?"
)
_PERSONAL = re.compile(rf"{_UNMISTAKABLE}|(^|_)({_WORDS})\d*(_|$)")
_SECURE = re.compile(rf"(^|_)({_SECRET})\d*(_|$)|(door|gate|alarm)_?code|password|ssn$")
_BIRTH = re.compile(r"birth|(^|_)dob(_|$)")

# So few values that a hash would only rename them: the commonest hash is the commonest value.
_GUESSABLE = re.compile(r"birth|(^|_)dob(_|$)|suffix|prefix|initial")

# A JSON key that bears such a name, in whatever spelling, or an address of e-mail among the values.
_KEY = f"{_UNMISTAKABLE}|(door|gate|alarm)_?code|password".replace("_?", "[ _-]?")
_KEY_WORDS = f"{_WORDS}|{_SECRET}".replace("_?", "[ _-]?")
NESTED_PERSON = (
    rf'"(?:[^"]*(?i:{_KEY})[^"]*|(?:[^"]*[ _-])?(?i:{_KEY_WORDS})\d*|[^"]*[a-z](?:Ssn|SSN|Dob|DOB))"\s*:|[\w.+%-]+@[\w-]+(?:\.[\w-]+)+'
)


class Treatment(StrEnum):
    """What publishing does with a column."""

    KEEP = "published"
    HASH = "hashed"
    LEAVE_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Policy:
    """FORTRESS_PII and its key, as publishing applies them. ``key`` is None unless the mode is ``hash``."""

    mode: str
    key: bytes | None = field(default=None, repr=False)

    @property
    def fingerprint(self) -> str:
        """The same for the same rules and key, and no way back to the key."""
        tags = [(topic.name, topic.restricted, [(one.name, one.pii) for one in topic.columns]) for topic in topics().values()]
        rules = (self.mode, tags, _PERSONAL.pattern, _SECURE.pattern, _GUESSABLE.pattern, NESTED_PERSON)
        return hmac.digest(self.key or b"", repr(rules).encode(), hashlib.sha256).hex()

    def treat(self, relation: str, column: str, data_type: str) -> Treatment:
        """What becomes of a column of ``marts.<relation>`` or ``audit.<relation>``; ``data_type`` as DuckDB calls it."""
        kind = None if self.mode == "include" else kind_of(relation, column, data_type)
        if kind is None:
            return Treatment.KEEP
        hashable = kind == IDENTIFIER and data_type == "VARCHAR" and not _GUESSABLE.search(column)
        return Treatment.HASH if self.mode == "hash" and hashable else Treatment.LEAVE_OUT

    def may_be_nested(self, relation: str, column: str) -> bool:
        """Whether a text may be a record in JSON: the registry does not know the column, and it is none of our own."""
        return not column.startswith("_") and column not in _tags().get(topic_of(relation) or "", {})

    def withholds(self, relation: str) -> bool:
        """Whether a relation is left out whole: its topic is restricted."""
        return self.mode != "include" and topic_of(relation) in restricted_topics()

    def pads(self) -> dict[str, bytes]:
        """HMAC-SHA256's two padded keys (RFC 2104), as a statement's parameters; nothing unless the mode is ``hash``."""
        if self.key is None:
            return {}
        block = (hashlib.sha256(self.key).digest() if len(self.key) > 64 else self.key).ljust(64, b"\0")
        return {"inner_key": bytes(one ^ 0x36 for one in block), "outer_key": bytes(one ^ 0x5C for one in block)}


def hashed(column: str) -> str:
    """The keyed hash of a text column, in SQL with the parameters of ``Policy.pads``: equal texts, equal hashes; null stays null.

    Nothing is normalised: two spellings of one address are two hashes.
    """
    return f"sha256($outer_key::blob || unhex(sha256($inner_key::blob || encode({column}))))"


def kind_of(relation: str, column: str, data_type: str) -> str | None:
    """``identifier`` or ``security``; None for what may be published."""
    topic = topic_of(relation)
    known = _tags().get(topic or "", {})
    if column in known:
        return known[column] if known[column] in (IDENTIFIER, SECURITY) else None
    if column == "name" and topic in _people():
        return IDENTIFIER
    return kind_by_name(column, data_type)


def kind_by_name(column: str, data_type: str = "VARCHAR") -> str | None:
    """What the name of a column says that the registry does not know; ``is_email_verified`` and ``email_verified_at`` say nothing."""
    if data_type == "BOOLEAN" or (data_type.startswith("TIMESTAMP") and not _BIRTH.search(column)):
        return None
    words = re.sub(r"[\W_]+", "_", column).lower()
    if _SECURE.search(words) or words in _named(SECURITY):
        return SECURITY
    return IDENTIFIER if _PERSONAL.search(words) or words in _named(IDENTIFIER) else None


def topic_of(relation: str) -> str | None:
    """The registry's topic that a relation of the marts belongs to: ``units_history`` is of ``units``."""
    name = relation.removesuffix("_changes").removesuffix("_history")
    return name if name in topics() else None


def restricted_topics() -> set[str]:
    """Topics that are kept from general use as a whole."""
    return {topic.name for topic in topics().values() if topic.restricted}


@cache
def _tags() -> dict[str, dict[str, str | None]]:
    return {topic.name: {snake_case(one.name): one.pii for one in topic.columns} for topic in topics().values()}


@cache
def _named(kind: str) -> set[str]:
    """The names that the registry tags so in any topic: whoever delivers them elsewhere means the same."""
    return {name for columns in _tags().values() for name, pii in columns.items() if pii == kind}


@cache
def _people() -> set[str]:
    """Topics whose records are people."""
    return {topic for topic, columns in _tags().items() if columns.get("last_name") == IDENTIFIER}
