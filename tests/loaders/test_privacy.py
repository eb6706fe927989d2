"""Which columns name a person or open a door: by the registry where it knows them, else by what they are called."""

import re

import duckdb
import pytest

from loaders.conventions import snake_case
from loaders.privacy import NESTED_PERSON, Policy, Treatment, kind_by_name, kind_of, restricted_topics
from loaders.registry import topics

IDENTIFIERS = [
    "email",
    "e_mail",
    "emails",
    "email_address",
    "EmailAddress2",
    "contact_email",
    "tenantemail",
    "phone",
    "phone2",
    "home_phone",
    "work_phone_number",
    "telephone",
    "mobile",
    "cell_phone",
    "fax",
    "first_name",
    "firstname",
    "last_name",
    "lastnames",
    "full_name",
    "surname",
    "nickname",
    "tenant_name",
    "resident_name",
    "co_applicant_names",
    "requestor_name",
    "guarantor_name",
    "birth_date",
    "birthdate",
    "date_of_birth",
    "dob",
    "birthday",
    "tenant_dob",
    "initials",
    "signature",
    "mailing_address",
    "forwarding_address",
    "ip_address",
    "emergency_contact",
    "username",
    "user_name",
    "delivered__email",
]
SECRETS = [
    "ssn",
    "tenant_ssn",
    "applicantssn",
    "social_security_number",
    "tax_id",
    "passport_number",
    "drivers_license",
    "driver_licence_no",
    "license_plate",
    "iban",
    "bank_account_number",
    "routing_number",
    "card_number",
    "cvv",
    "door_code",
    "doorcode",
    "gate_code",
    "gate_codes",
    "alarm_code",
    "access_code",
    "entry_pin",
    "lockbox_code",
    "lock_box_combo",
    "pin",
    "passcode",
    "password",
    "api_key",
    "security_answer",
]
HARMLESS = [
    "id",
    "unit_id",
    "customer_id",
    "property_id",
    "status",
    "type",
    "amount",
    "rent_amount",
    "square_feet",
    "zip_code",
    "postal_code",
    "promo_code",
    "gl_code",
    "reason_code",
    "building_name",
    "property_name",
    "floor_plan_name",
    "notes",
    "description",
    "hotel",
    "microfilm",
    "cellar",
    "pinned",
    "spin",
    "assigned_at",
    "address",
    "city",
    "state",
    "country",
    "name",
    "key_count",
    "singleton",
    "unit_number",
    "account_type",
    "card_type",
]


@pytest.mark.parametrize("column", [name.lower() for name in IDENTIFIERS])
def test_an_unknown_column_that_says_it_names_a_person_is_an_identifier(column: str):
    assert kind_by_name(column) == "identifier"


@pytest.mark.parametrize("column", SECRETS)
def test_an_unknown_column_that_says_it_opens_a_door_or_an_account_is_security(column: str):
    assert kind_by_name(column) == "security"


@pytest.mark.parametrize("column", HARMLESS)
def test_an_unknown_column_with_a_harmless_name_is_published(column: str):
    assert kind_by_name(column) is None


def test_what_can_hold_no_identifier_is_published_whatever_its_name():
    assert kind_by_name("is_email_verified", "BOOLEAN") is None
    assert kind_by_name("email_verified_at", "TIMESTAMP") is None
    assert kind_by_name("emailed_at", "TIMESTAMP") is None
    assert kind_by_name("birth_at", "TIMESTAMP") is None  # no such word; but:
    assert kind_by_name("date_of_birth", "TIMESTAMP") == "identifier"


def test_the_registry_decides_for_the_columns_it_knows_and_its_tags_count_in_every_topic():
    assert kind_of("customers_changes", "suffix", "VARCHAR") == "identifier"
    assert kind_of("workorders_history", "door_code", "VARCHAR") == "security"
    assert kind_of("workorders", "entry_notes", "VARCHAR") is None  # sensitive: stays
    assert kind_of("units", "name", "VARCHAR") is None
    assert kind_of("customers", "name", "VARCHAR") == "identifier"
    assert kind_of("units", "preferred_name", "VARCHAR") == "identifier"


def test_every_tag_of_the_registry_is_treated_by_default_and_nothing_that_is_sensitive_alone():
    policy, treatments = Policy("exclude"), {}
    for topic in topics().values():
        for column in topic.columns:
            what = policy.treat(f"{topic.name}_changes", snake_case(column.name), "VARCHAR")
            treatments.setdefault(column.pii, set()).add(what)
    assert treatments == {
        None: {Treatment.KEEP},
        "sensitive": {Treatment.KEEP},
        "identifier": {Treatment.LEAVE_OUT},
        "security": {Treatment.LEAVE_OUT},
    }
    assert {name for name in topics() if policy.withholds(f"{name}_history")} == restricted_topics() != set()


def test_hash_mode_never_hashes_what_could_be_guessed_and_never_lets_a_restricted_topic_out():
    policy = Policy("hash", b"0123456789abcdef")
    assert policy.treat("customers", "email", "VARCHAR") == Treatment.HASH
    assert policy.treat("customers", "first_name", "VARCHAR") == Treatment.HASH
    for column, kind in {"birth_date": "DATE", "suffix": "VARCHAR", "household": "JSON", "ssn": "VARCHAR", "work_orders": "JSON"}.items():
        assert policy.treat("customers", column, kind) == Treatment.LEAVE_OUT, column
    assert policy.treat("workorders", "door_code", "VARCHAR") == Treatment.LEAVE_OUT
    assert policy.withholds("balances_changes")
    assert not Policy("include").withholds("balances_changes")


def test_the_policys_fingerprint_moves_with_mode_and_key_and_tells_neither():
    policies = [Policy("exclude"), Policy("include"), Policy("hash", b"k" * 16), Policy("hash", b"l" * 16)]
    assert len({policy.fingerprint for policy in policies}) == 4
    assert Policy("hash", b"k" * 16).fingerprint == policies[2].fingerprint
    assert "kkkk" not in repr(policies)


@pytest.mark.parametrize(
    ("text", "holds_person"),
    [
        ('{"firstName":"Ann"}', True),
        ('{"unit":{"tenants":[{"e-mail":null}]}}', True),
        ('[{"Phone Number":"1"}]', True),
        ('{"tenantSSN":"1"}', True),
        ('{"doorCode":"1"}', True),
        ('{"pin":"1"}', True),
        ('{"contact":{"value":"ann@example.com"}}', True),
        ('{"id":"u1","beds":2,"name":"lease.pdf","isPhoneless":true}', True),  # rather too much than too little
        ('{"id":"u1","beds":2,"name":"lease.pdf","spin":1}', False),
        ('{"note":"the phone rang"}', False),
        ("[]", False),
    ],
)
def test_a_json_text_is_searched_for_keys_and_addresses(text: str, holds_person: bool):
    ((found,),) = duckdb.execute("select regexp_matches(?, ?)", [text, NESTED_PERSON]).fetchall()
    assert found == holds_person
    assert bool(re.search(NESTED_PERSON, text)) == holds_person
