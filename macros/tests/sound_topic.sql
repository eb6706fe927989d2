{#
    Fails with everything in a topic's tables that contradicts the contract: the broken invariant, where, and what is found there.
    docs/contract.md, sections 1 to 5. One test for a topic's three tables, as each test by itself costs more than what it reads.

    A build tests the records that it touched; `dbt test`, and a build of everything, test all of them (macros/tests/tested_until.sql).

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
        select distinct _organization_id, id from {{ model }} where _newest_file_id > {{ until }}
    ),

    history as materialized (
        select _organization_id, id, version_number, valid_from, valid_to, is_deleted, change_type, _batch_at, _file_id, _row_number
        from {{ history }} semi join touched using (_organization_id, id)
    ),

    current as materialized (
        select _organization_id, id, _file_id, _row_number from {{ current }} semi join touched using (_organization_id, id)
    ),
    {%- set since = ' where _file_id > ' ~ until ~ ')' -%}
    {%- do tables.update({'log': '(from ' ~ model ~ since, 'history': 'history', 'current': 'current', 'rows': '(from ' ~ rows ~ since}) %}
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
