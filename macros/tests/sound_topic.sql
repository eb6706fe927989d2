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
    {%- set image = none -%}
    with
    {% if until -%}
    {%- set image = ['_file_id', '_row_number'] -%} {#- a view of the same row of the log has the same image -#}
    touched as (
        select _organization_id, id from {{ model }} where _newest_file_id > {{ until }}
        group by _organization_id, id having count(*) > 0 -- always; DuckDB expects few rows of a `having`, and joins them by the lesser side
    ),

    {#- The history and the current state are views on the log: what they hold of these records is worked out from one look at it. #}
    known as materialized (
        select _organization_id, id, version_number, valid_from, valid_to, is_current, is_deleted, change_type, _batch_at, _file_id, _row_number
        from {{ model }} semi join touched using (_organization_id, id)
    ),
    {%- set since = ' where _file_id > ' ~ until ~ ')' -%}
    {%- do tables.update({'log': '(from ' ~ model ~ since, 'rows': '(from ' ~ rows ~ since}) -%}
    {%- do tables.update({'history': '(from known where ' ~ is_version() ~ ')'}) -%}
    {%- do tables.update({'current': '(from known where ' ~ is_version() ~ ' and ' ~ is_in_force() ~ ')'}) %}
    {% endif -%}
    findings as (
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
    )

    select * from findings
{% endtest %}
