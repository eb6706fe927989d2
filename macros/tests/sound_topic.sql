{#
    Fails with everything in a topic's tables that contradicts the contract: the broken invariant, where, and what is found there.
    docs/contract.md, sections 1 to 5. One test for a topic's three tables, as each test by itself costs more than what it reads.

    A build tests the records that it touched; `dbt test`, and a build of everything, test all of them, as their views show them
    (macros/tests/tested_until.sql).

    Applied to the topic's change log. Arguments: history, current, rows: `ref` of the topic's history, current state and
    staging model; files, `ref` of the staged ledger.
#}
{% test sound_topic(model, history, current, rows, files) %}
    {%- set until = tested_until(current.identifier) -%}
    {%- set tables = {'log': model, 'history': history, 'current': current, 'rows': rows} -%}
    {%- set image = adapter.get_columns_in_relation(current) | map(attribute='name') | list -%}
    {%- set portions = 1 if until else portions_to_test(model) -%}
    {%- if portions > 1 -%}
    {{ found_in_portions(tables, files, image, portions) }}
    {%- elif until -%}
    {#- Put aside, so that DuckDB knows how few they are: it guesses otherwise, and once put ten million rows in memory to find ten thousand among them. #}
    {%- set touched = 'temp.' ~ adapter.quote('touched_' ~ current.identifier) -%}
    {%- set keys = 'select distinct _bucket from ' ~ model ~ ' where _newest_file_id > ' ~ until -%}
    {%- do run_query('create or replace temporary table ' ~ touched ~ ' as ' ~ keys) -%}

    {#- The history and the current state are views on the log: what they hold of these records is worked out from one look at it. #}
    with known as materialized (
        select _organization_id, id, version_number, valid_from, valid_to, is_current, is_deleted, change_type, _batch_at, _file_id, _row_number
        from {{ model }} semi join {{ touched }} using (_bucket)
    ),
    {%- set since = ' where _file_id > ' ~ until ~ ')' -%}
    {%- do tables.update({'log': '(from ' ~ model ~ since, 'rows': '(from ' ~ rows ~ since}) -%}
    {%- do tables.update({'history': '(from known where ' ~ is_version() ~ ')'}) -%}
    {%- do tables.update({'current': '(from known where ' ~ is_version() ~ ' and ' ~ is_in_force() ~ ')'}) %}

    findings as (
        {#- a view of the same row of the log has the same image #}
        {{ broken_invariants(tables, files, ['_file_id', '_row_number']) }}
    )

    select * from findings
    {%- else -%}
    {{ broken_invariants(tables, files, image) }}
    {%- endif -%}
{% endtest %}


{#
    What contradicts the contract in a topic's tables: the invariant's name, and what was found.

    Arguments: tables, of log, history, current and rows, as a statement names them; files, as above; image, the names of the columns
    that tell images apart.
#}
{% macro broken_invariants(tables, files, image) -%}
    {%- for invariant, query in [
        ('one row per place in a file', test_one_row_per_key(tables.log, ['_file_id', '_row_number'])),
        ('one row per version', test_one_row_per_key(tables.history, ['_organization_id', 'id', 'version_number'])),
        ('one row per current record', test_one_row_per_key(tables.current, ['_organization_id', 'id'])),
        ('the log holds what was delivered', test_traceable_to_raw(tables.log, tables.rows, files)),
        ('intervals are sound', test_sound_intervals(tables.history)),
        ('the history as of now is current', test_equals_open_history(tables.current, tables.history, image)),
    ] %}
    select '{{ invariant }}' as invariant, {{ row_as_text('found') }} as found from ({{ query }}) as found
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}


{#
    Into how many portions a topic is divided to be tested: eight of those in which it is built (macros/cdc/in_portions.sql) are one. All
    at once, ten million rows want more than a gigabyte of memory.

    Arguments: log, the topic's change log. One, where a test is only written down, and on Spark, which divides by itself.
#}
{% macro portions_to_test(log) -%}
    {%- if not execute or target.type != 'duckdb' or flags.WHICH not in ('build', 'test') -%}{%- do return(1) -%}{%- endif -%}
    {%- set rows = run_query('select count(*) from ' ~ log).columns[0].values()[0] | int -%}
    {%- do return(1 + rows // (8 * var('rows_of_a_portion'))) -%}
{%- endmacro %}


{#
    The same findings, of one portion of a topic after the other: places in files are divided by the hash of the place, and versions by that
    of the record.

    Arguments: as above; portions, how many.
#}
{% macro found_in_portions(tables, files, image, portions) -%}
    {%- set keys = {'log': '_file_id, _row_number', 'rows': '_file_id, _row_number'} -%}
    {%- set found = [] -%}
    {%- for portion in range(portions) -%}
        {%- set part = {} -%}
        {%- for name, table in tables.items() -%}
            {%- set hashed = 'hash(' ~ keys.get(name, '_organization_id, id') ~ ')' -%}
            {%- do part.update({name: '(from ' ~ table ~ ' where ' ~ hashed ~ ' % ' ~ portions ~ ' = ' ~ portion ~ ')'}) -%}
        {%- endfor -%}
        {%- do found.extend(run_query('from (' ~ broken_invariants(part, files, image) ~ ') limit 1000').rows) -%}
    {%- endfor -%}
    select null::varchar as invariant, null::varchar as found where false
    {%- for invariant, row in found %}
    union all
    select '{{ invariant }}', {{ dbt.string_literal(dbt.escape_single_quotes(row)) }}
    {%- endfor %}
{%- endmacro %}
