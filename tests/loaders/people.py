"""An export full of people: everything that must not leave the house, in every place where it might hide."""

import csv
import io
import json
import os
from pathlib import Path

MIDNIGHT = 1_767_225_600  # 2026-01-01, UTC

# Each text stands in one place alone, so that a find says where it got out.
PLANTED = {
    "a tagged name": "Qiffany",
    "a tagged last name": "Zwolinskaya",
    "a tagged address of e-mail": "qiffany@zwolinskaya.test",
    "a tagged telephone number": "+1-555-010-7734",
    "a suffix": "Esquire-the-9th",
    "a date of birth": "1973-04-19",
    "a date of birth that does not cast": "nineteenth of April 1971",
    "a door code": "8841#",
    "an alarm code": "ALARM-5519",
    "the name of who asked": "Requestor Quillfeather",
    "a column the registry does not know": "Emergency Contact Bramblewick",
    "a social security number": "987-65-4320",
    "a copy of a record in a tagged column": "Householder Nightingale",
    "a copy of a record in a column that is sensitive alone": "Assetholder Fitzwarren",
    "a copy of a record in a text the registry does not know": "Roommate Abernathy",
    "an address among the values of a copy": "guarantor@bank.test",
    "a copy of a record that is no JSON": "Unparsable Montgomery",
    "a line of a file that cannot be read": "Quarantined Featherstone",
}
SHARED_EMAIL = PLANTED["a tagged address of e-mail"]
HARMLESS = "a leaking tap under the sink"

CUSTOMERS = [
    {
        "id": "c1",
        "firstName": PLANTED["a tagged name"],
        "lastName": PLANTED["a tagged last name"],
        "email": SHARED_EMAIL,
        "phone": PLANTED["a tagged telephone number"],
        "suffix": PLANTED["a suffix"],
        "birthDate": PLANTED["a date of birth"],
        "status": "CURRENT",
        "household": json.dumps({"name": PLANTED["a copy of a record in a tagged column"]}),
        "assets": json.dumps([{"value": 3, "owner": {"lastName": PLANTED["a copy of a record in a column that is sensitive alone"]}}]),
        "emergencyContactPhone": PLANTED["a column the registry does not know"],
        "applicantSSN": PLANTED["a social security number"],
        "roommates": json.dumps([{"firstName": PLANTED["a copy of a record in a text the registry does not know"]}]),
        "guarantee": json.dumps({"contact": {"by": "mail", "at": PLANTED["an address among the values of a copy"]}}),
        "favouriteColour": "teal",
    },
    {
        "id": "c2",
        "birthDate": PLANTED["a date of birth that does not cast"],
        "assets": "[]",
        "favouriteColour": "grey",
        "headOfHousehold": "maybe",
    },
    {"id": "c3", "assets": '{"owner": {"lastName": "' + PLANTED["a copy of a record that is no JSON"], "email": ""},
]
WORKORDERS = [
    {
        "id": "w1",
        "status": "OPEN",
        "description": HARMLESS,
        "requestorName": PLANTED["the name of who asked"],
        "requestorEmail": SHARED_EMAIL,
        "doorCode": PLANTED["a door code"],
        "alarmCode": PLANTED["an alarm code"],
        "property": json.dumps({"name": "The Larches"}),
    },
    {"id": "w2", "status": "OPEN"},
]


def deliver_people(exports: Path) -> None:
    """One organization's customers and work orders, and a file of units that cannot be read."""
    _write(exports, "customers", "LOAD.csv", _csv(CUSTOMERS))
    _write(exports, "workorders", "LOAD.csv", _csv(WORKORDERS))
    _write(exports, "units", "LOAD.csv", "id,type\nu1,A\n")
    _write(exports, "units", "20260102-080000000.csv", f"OP,id,type\nU,u1,B,{PLANTED['a line of a file that cannot be read']}\n")


def _csv(rows: list[dict[str, str]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _write(exports: Path, topic: str, name: str, text: str) -> None:
    target = exports / "acme" / "public" / f"exported_{topic}" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    os.utime(target, (MIDNIGHT, MIDNIGHT))
