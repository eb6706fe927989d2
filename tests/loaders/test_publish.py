"""What leaves the house: the published file is searched as somebody would who wants what is not in it."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from loaders.errors import PublishRefused, SettingsError
from loaders.privacy import Policy
from loaders.publish import count_published, is_behind, is_rolled_back, publish, rollback
from loaders.published_relations import count_rows
from loaders.published_tables import write_published
from loaders.settings import PROJECT, Settings, load_settings
from loaders.warehouse import open_build
from tests import forked
from tests.loaders.conftest import Home, build_topics
from tests.loaders.people import HARMLESS, PLANTED, SHARED_EMAIL

KEY = b"a key that nobody is to see 4711"
IN_THE_TABLES = set(PLANTED) - {"a line of a file that cannot be read"}  # which is shown at home, and in no mode published


def with_pii(settings: Settings, mode: str, key: bytes = KEY) -> Settings:
    return replace(settings, pii=mode, pii_key=key if mode == "hash" else None)


def everything_in(path: Path) -> str:
    """Every value, statement and comment of a database, as text, and its bytes."""
    with duckdb.connect(str(path), read_only=True) as reader:
        relations = reader.execute("select distinct schema_name, table_name from duckdb_columns() where not internal").fetchall()
        values = [reader.execute(f'from "{schema}"."{name}"').fetchall() for schema, name in relations]
        catalog = [
            reader.execute(f"from duckdb_{kind}() where not internal").fetchall() for kind in ("tables", "views", "columns", "schemas")
        ]
    return repr(values) + repr(catalog) + path.read_bytes().decode("latin-1")


def found_in(path: Path) -> set[str]:
    text = everything_in(path)
    return {what for what, planted in PLANTED.items() if planted in text or f"{planted}".replace("-", ", ").replace(", 0", ", ") in text}


def query(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        return reader.execute(sql).fetchall()


def columns(settings: Settings, relation: str) -> list[str]:
    return [name for name, *_ in query(settings, f"describe {relation}")]


def loaders(home: Home, *arguments: str, umask: int = -1, **own: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")}
    places = {"FORTRESS_HOME": str(home.settings.home), "FORTRESS_EXPORTS_URL": str(home.settings.exports_url)}
    target = {"DBT_TARGET_PATH": str(home.settings.home.parent / "target")}
    command = [sys.executable, "-m", "loaders", *arguments]
    return forked.run(command, cwd=PROJECT, env=inherited | places | target | own, umask=umask, capture_output=True, text=True, check=False)


# --- personal data


def test_by_default_nothing_that_was_planted_leaves_and_everything_else_does(peopled: Path):
    published = peopled / "home" / "fortress.duckdb"
    assert found_in(published) == set()
    assert HARMLESS in everything_in(published)
    assert "The Larches" in everything_in(published)  # a copy of a record that names nobody
    assert "teal" in everything_in(published)  # a column the registry does not know, and harmless


def test_with_include_everything_that_was_planted_can_be_found(household: Home):
    publish(with_pii(household.settings, "include"))
    assert found_in(household.settings.published) == IN_THE_TABLES
    assert query(household.settings, "from audit.withheld") == []


def test_views_lose_the_columns_their_tables_lost_and_nothing_else(household: Home):
    with open_build(household.settings.build, read_only=True) as build:
        whole = {
            name: [column for column, *_ in build.execute(f"describe marts.{name}").fetchall()]
            for name in ("customers", "customers_history", "customers_changes")
        }
    gone = [
        "first_name",
        "middle_name",
        "last_name",
        "preferred_name",
        "suffix",
        "email",
        "phone",
        "birth_date",
        "household",
        "work_orders",
    ]
    gone += ["emergency_contact_phone", "applicant_ssn"]
    for name, before in whole.items():
        assert columns(household.settings, f"marts.{name}") == [
            column for column in before if column not in (*gone, "_newest_file_id", "_image", "_bucket")
        ]
    listed = query(household.settings, "select column_name, treatment from audit.withheld where table_name = 'marts.customers'")
    assert sorted(listed) == sorted((name, "left out") for name in gone)


def test_what_did_not_cast_is_listed_without_its_text_where_the_text_is_a_persons(household: Home):
    listed = query(household.settings, "select topic, id, column_name, value from audit.cast_failures order by all")
    assert ("customers", "c2", "birth_date", None) in listed
    assert ("customers", "c3", "assets", None) in listed
    assert ("customers", "c2", "head_of_household", "maybe") in listed


def test_the_reason_why_a_file_waits_is_published_without_a_word_of_the_file(household: Home):
    assert PLANTED["a line of a file that cannot be read"] in repr(household.ask("from raw._offending"))
    published = query(household.settings, "select topic, reason from audit.quarantine")
    assert published == household.ask("select topic, reason from raw._files where status = 'quarantined'") != []


def test_hashes_join_across_tables_and_are_the_keyed_hash_of_what_was_delivered(household: Home):
    settings = with_pii(household.settings, "hash")
    publish(settings)
    joined = query(settings, "select c.id, w.id, c.email from marts.customers c join marts.workorders w on c.email = w.requestor_email")
    assert joined == [("c1", "w1", hmac.new(KEY, SHARED_EMAIL.encode(), hashlib.sha256).hexdigest())]
    assert query(settings, "select id, email is null, first_name is null from marts.customers order by id") == [
        ("c1", False, False),
        ("c2", True, True),
        ("c3", True, True),
    ]
    assert found_in(settings.published) == set()
    assert {"birth_date", "suffix", "household", "applicant_ssn", "work_orders"}.isdisjoint(columns(settings, "marts.customers"))
    assert {"door_code", "alarm_code"}.isdisjoint(columns(settings, "marts.workorders"))
    hashed = query(settings, "select column_name from audit.withheld where treatment = 'hashed' and table_name = 'marts.workorders'")
    assert sorted(hashed) == [("requestor_email",), ("requestor_name",), ("requestor_phone",)]


def test_another_key_gives_other_hashes_and_a_key_longer_than_a_block_is_one_too(household: Home):
    long = b"long " * 20
    publish(with_pii(household.settings, "hash", long))
    (email,) = query(household.settings, "select email from marts.customers where id = 'c1'")[0]
    assert email == hmac.new(long, SHARED_EMAIL.encode(), hashlib.sha256).hexdigest()


def test_the_key_is_in_no_output_no_log_and_no_table(household: Home):
    key_file = household.settings.home.parent / "pii.key"
    key_file.write_bytes(KEY + b"\n")
    key_file.chmod(0o600)
    done = loaders(household, "run", FORTRESS_PII="hash", FORTRESS_PII_KEY_FILE=str(key_file))
    assert done.returncode == 3 and "publish" in done.stdout, done.stderr
    pads = Policy("hash", KEY).pads().values()
    secrets = [KEY, KEY.hex().encode(), *pads, *(pad.hex().encode() for pad in pads), *(pad.strip(b"6\\") for pad in pads)]
    for path in (path for path in household.settings.home.rglob("*") if path.is_file()):
        assert not any(secret in path.read_bytes() for secret in secrets), path
    assert KEY.decode() not in done.stdout + done.stderr
    assert KEY.decode() not in repr(load_settings({"FORTRESS_PII": "hash", "FORTRESS_PII_KEY": KEY.decode()}, dotenv=None))


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"FORTRESS_PII": "mask"}, "include, hash and exclude"),
        ({"FORTRESS_PII": "hash"}, "FORTRESS_PII_KEY_FILE"),
        ({"FORTRESS_PII": "hash", "FORTRESS_PII_KEY": "short-secret"}, "shorter than 16"),
        ({"FORTRESS_PII": "hash", "FORTRESS_PII_KEY": "short-secret" * 9, "FORTRESS_PII_KEY_FILE": "/x"}, "both set"),
        ({"FORTRESS_PII": "hash", "FORTRESS_PII_KEY_FILE": "/nowhere/pii.key"}, "cannot be read"),
        ({"FORTRESS_KEEP_PUBLISHED": "1"}, "from 2 on"),
        ({"FORTRESS_KEEP_PUBLISHED": "many"}, "from 2 on"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_what_to_do(values: dict[str, str], hint: str):
    with pytest.raises(SettingsError, match=hint) as refusal:
        load_settings(values, dotenv=None)
    assert "short-secret" not in str(refusal.value)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path):
    (tmp_path / "pii.key").write_bytes(KEY)
    (tmp_path / "pii.key").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_settings({"FORTRESS_PII": "hash", "FORTRESS_PII_KEY_FILE": str(tmp_path / "pii.key")}, dotenv=None)


def test_the_three_modes_and_the_default_may_stand_in_the_env_file(tmp_path: Path):
    (tmp_path / ".env").write_text(f"FORTRESS_PII=hash\nFORTRESS_PII_KEY='{KEY.decode()}'\n")
    assert load_settings({}, tmp_path / ".env").pii_key == KEY
    assert [load_settings({"FORTRESS_PII": mode}, tmp_path / ".env").pii for mode in ("include", "exclude")] == ["include", "exclude"]
    assert load_settings({}, dotenv=None).pii == "exclude"


def hand_made(path: Path) -> None:
    """A build with a restricted topic, an audit that names it, a view that needs what is withheld, and names with quotes."""
    changes = "_organization_id varchar, id varchar, _file_id bigint, version_number bigint"
    with duckdb.connect(str(path)) as build:
        build.execute(f"""
            create schema marts; create schema audit;
            create table marts.certifications_changes ({changes}, income varchar);
            create table marts.users_changes ({changes}, "first""name" varchar, email varchar, role varchar);
            insert into marts.certifications_changes values ('acme', 'cert-0001', 1, 1, 'restricted income');
            insert into marts.users_changes values ('acme', 'u1', 2, 1, 'Quoted Name', 'u1@users.test', 'ADMIN');
            create view marts.certifications_history as select id, income from marts.certifications_changes;
            create view marts.certifications as select id, income from marts.certifications_history;
            create view marts.users_history as select id, email, role from marts.users_changes;
            create view marts.users as select id, email, role from marts.users_history;
            create view marts.reachable as select id from marts.users where email is not null;
            create view marts.incomes as select u.id, income from marts.users u join marts.certifications using (id);
            create view audit.everybody as
                (select 'certifications' as topic, id from marts.certifications_changes)
                union all (select 'users', id from marts.users_changes);
            create table audit.drift as select 'certifications' as topic, 'cert-0001' as id, 'restricted income' as told
                union all select 'users', 'u1', 'nothing';
            create table marts.users__dbt_tmp (email varchar);
            comment on table marts.users_changes is 'the user''s log'; comment on column marts.users_changes.role is 'what they may do';
            comment on column marts.users.role is 'of the view'; comment on column marts.users.email is 'never seen';
            comment on view marts.users is 'those there are'; comment on table marts.certifications_changes is 'never seen'
        """)


def test_a_restricted_topic_goes_with_its_views_and_the_audit_goes_on(tmp_path: Path):
    hand_made(tmp_path / "build.duckdb")
    for mode in ("exclude", "hash"):
        with duckdb.connect(str(tmp_path / "build.duckdb")) as build:
            write_published(build, tmp_path / mode, Policy(mode, KEY if mode == "hash" else None))
        text = everything_in(tmp_path / mode)
        assert not any(
            planted in text
            for planted in ("restricted income", "u1@users.test", "Quoted Name", "never seen" if mode == "exclude" else "cert-0001")
        )
        names = {"marts.users", "marts.users_history", "marts.users_changes", "audit.drift", "audit.withheld"}
        with duckdb.connect(str(tmp_path / mode), read_only=True) as reader:
            assert set(count_rows(reader)) == names | ({"marts.reachable"} if mode == "hash" else set())
            assert reader.execute("from audit.everybody").fetchall() == [("users", "u1")]
            assert reader.execute("select topic, id from audit.drift").fetchall() == [("users", "u1")]
            whole = reader.execute(
                "select table_name from audit.withheld where column_name is null and starts_with(table_name, 'marts.cert')"
            )
            assert len(whole.fetchall()) == 3


def test_a_view_that_cannot_do_without_what_is_withheld_is_left_out_and_listed(tmp_path: Path):
    hand_made(tmp_path / "build.duckdb")
    with duckdb.connect(str(tmp_path / "build.duckdb")) as build:
        write_published(build, tmp_path / "published", Policy("exclude"))
    with duckdb.connect(str(tmp_path / "published"), read_only=True) as reader:
        listed = reader.execute("select table_name from audit.withheld where column_name is null order by all").fetchall()
    assert ("marts.reachable",) in listed and ("marts.incomes",) in listed


def test_a_current_state_is_written_out_as_a_table_and_one_that_somebody_defined_otherwise_stays_a_view(tmp_path: Path):
    fate = "id varchar, name varchar, _file_id bigint, _row_number bigint, is_current boolean, is_deleted boolean"
    select = "create view marts.{0} as select {1} from marts.{0}_history where is_current and not is_deleted {2}"
    with duckdb.connect(str(tmp_path / "build.duckdb")) as build:
        build.execute("create schema marts; create schema audit")
        for topic, kept in (("units", ""), ("leases", "and id <> 'b'")):
            build.execute(f"create table marts.{topic}_changes ({fate})")
            build.execute(f"insert into marts.{topic}_changes values ('a', 'x', 1, 1, true, false), ('b', 'y', 1, 2, true, false)")
            build.execute(f"insert into marts.{topic}_changes values ('c', 'z', 1, 3, true, true), ('b', 'old', 1, 4, false, false)")
            build.execute(f"create view marts.{topic}_history as from marts.{topic}_changes")
            build.execute(select.format(topic, "id, name", kept))
            build.execute(f"comment on view marts.{topic} is 'now'")
        rows = write_published(build, tmp_path / "published", Policy("exclude"))
    assert rows["marts.units"] == 2 and "marts.leases" not in rows
    with duckdb.connect(str(tmp_path / "published"), read_only=True) as reader:
        kinds = "select table_name, comment from duckdb_{0}() where table_name in ('units', 'leases') and not internal"
        assert reader.execute(kinds.format("tables")).fetchall() == [("units", "now")]
        assert reader.execute(kinds.format("views").replace("table_name", "view_name")).fetchall() == [("leases", "now")]
        assert reader.execute("from marts.units order by id").fetchall() == [("a", "x"), ("b", "y")]
        assert reader.execute("from marts.leases").fetchall() == [("a", "x")]


def test_comments_come_along_with_what_they_speak_of(tmp_path: Path):
    hand_made(tmp_path / "build.duckdb")
    with duckdb.connect(str(tmp_path / "build.duckdb")) as build:
        write_published(build, tmp_path / "published", Policy("exclude"))
    with duckdb.connect(str(tmp_path / "published"), read_only=True) as reader:
        of_columns = reader.execute("select table_name, comment from duckdb_columns() where comment is not null order by all").fetchall()
        assert of_columns == [("users", "of the view"), ("users_changes", "what they may do")]
        assert reader.execute("select comment from duckdb_tables() where table_name = 'users_changes'").fetchall() == [("the user's log",)]
        assert reader.execute("select comment from duckdb_views() where view_name = 'users'").fetchall() == [("those there are",)]


def test_with_include_every_relation_of_the_build_is_published_as_it_is(tmp_path: Path):
    hand_made(tmp_path / "build.duckdb")
    with duckdb.connect(str(tmp_path / "build.duckdb")) as build:
        rows, before = write_published(build, tmp_path / "published", Policy("include")), count_rows(build)
        assert build.execute("select current_database()").fetchone() == ("build",)
    with duckdb.connect(str(tmp_path / "published"), read_only=True) as reader:
        assert rows.items() <= before.items() and count_rows(reader) == before | {"audit.withheld": 0}


# --- what makes a new publication necessary


def test_another_mode_or_key_takes_effect_with_the_next_run_even_without_news(household: Home):
    done = loaders(household, "run", FORTRESS_PII="include")
    assert "publish" in done.stdout and "build  " not in done.stdout, done.stdout + done.stderr
    assert found_in(household.settings.published) == IN_THE_TABLES
    assert "nothing new" in loaders(household, "run", FORTRESS_PII="include").stdout
    assert is_behind(household.settings)
    for key in (KEY, KEY[::-1]):
        settings = with_pii(household.settings, "hash", key)
        assert is_behind(settings)
        publish(settings)
        assert not is_behind(settings)


def test_a_clock_that_was_set_back_hides_no_build(household: Home):
    assert not is_behind(household.settings)
    with open_build(household.settings.build) as build:
        build.execute("update raw._built set built_at = timestamp '1999-01-01'")
    assert is_behind(household.settings)
    publish(household.settings)
    assert not is_behind(household.settings)


def test_a_publication_that_was_never_noted_is_made_again(household: Home):
    with open_build(household.settings.build) as build:
        build.execute("delete from raw._published")
    assert is_behind(household.settings)
    assert publish(household.settings).version == 2


def test_what_an_older_version_of_the_project_published_is_published_anew(household: Home):
    with open_build(household.settings.build) as build:
        build.execute("create or replace table raw._published as select timestamp '2026-01-01' as published_at")
    household.settings.published.unlink()
    household.settings.published.write_bytes(b"a file, and not a link")
    assert is_behind(household.settings)
    report = publish(household.settings)
    assert not is_behind(household.settings) and rows_published(household.settings) == report.rows


def test_a_snapshot_of_nothing_but_its_header_has_to_be_built_before_it_is_published(household: Home):
    household.deliver("acme/units/LOAD.csv", "id,type\n", minute=60)
    household.sync()
    with pytest.raises(PublishRefused, match=r"units \(1 files\)"):
        publish(household.settings)
    build_topics(household.settings.home.parent, "units")
    assert publish(household.settings).rows["marts.units"] == 0


# --- rollback


def change_state(home: Home, colour: str) -> None:
    """What a build would do: other rows, and the note of having been built."""
    with open_build(home.settings.build) as build:
        build.execute("update marts.customers_changes set favourite_colour = ?", [colour])
        build.execute("update raw._built set built_at = built_at + interval 1 hour")


def rows_published(settings: Settings) -> dict[str, int]:
    with open_build(settings.build) as build:
        return count_published(settings, build)


def colours(settings: Settings) -> set[str]:
    return {colour for (colour,) in query(settings, "select distinct favourite_colour from marts.customers")}


def test_a_rollback_puts_the_version_before_back_and_stays_until_there_is_news(household: Home):
    settings = household.settings
    before, rows = colours(settings), rows_published(settings)
    change_state(household, "red")
    publish(settings)
    assert colours(settings) == {"red"}
    done = loaders(household, "publish", "--rollback", "--json")
    assert json.loads(done.stdout)["version"] == 1
    assert colours(settings) == before and rows_published(settings) == rows
    assert is_rolled_back(settings) and not is_behind(settings)
    assert "stays rolled back until there is news" in loaders(household, "run").stdout
    assert colours(settings) == before
    change_state(household, "blue")
    assert is_behind(settings)
    assert publish(settings).version == 3
    assert colours(settings) == {"blue"} and not is_rolled_back(settings)


def test_a_publication_by_hand_ends_a_rollback_at_once(household: Home):
    change_state(household, "red")
    publish(household.settings)
    rollback(household.settings)
    publish(household.settings)
    assert colours(household.settings) == {"red"}
    assert rollback(household.settings).version == 1  # and never to the version that was rolled back


def test_there_has_to_be_a_version_to_go_back_to(household: Home):
    with pytest.raises(PublishRefused, match="no published version before"):
        rollback(household.settings)
    done = loaders(household, "publish", "--rollback")
    assert (done.returncode, done.stdout) == (1, "")


def test_no_rollback_shows_what_is_withheld_by_now(household: Home):
    publish(with_pii(household.settings, "include"))
    change_state(household, "red")
    publish(with_pii(household.settings, "include"))
    publish(household.settings)
    with pytest.raises(PublishRefused, match="FORTRESS_PII=include"):
        rollback(household.settings)
    assert found_in(household.settings.published) == set()
    others = [path for path in household.settings.versions.iterdir() if path != household.settings.published.resolve()]
    assert [(path.stat().st_mode & 0o777, found_in(path) == IN_THE_TABLES) for path in others] == [(0o600, True)]  # who was opening it
    change_state(household, "blue")
    publish(household.settings)
    assert [found_in(path) for path in household.settings.versions.iterdir()] == [set(), set()]


def test_as_many_versions_are_kept_as_the_setting_says(household: Home):
    settings = replace(household.settings, keep_published=2)
    for colour in ("red", "green", "blue"):
        change_state(household, colour)
        publish(settings)
    assert sorted(path.name for path in settings.versions.iterdir()) == ["000003.duckdb", "000004.duckdb"]
    assert rollback(settings).version == 3
    assert colours(settings) == {"green"}
    with pytest.raises(PublishRefused):
        rollback(settings)
