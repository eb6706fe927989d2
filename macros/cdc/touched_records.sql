{#
    The common table expressions `delivered` (every row, old and new, of the records that have to be resolved anew) and
    `snapshot_rows` (file and updated_at of all rows: a snapshot's high-water mark counts the untouched ones too).

    A record is touched when a new file holds a row of it, when a new snapshot may lack it, when a file that it has rows of
    no longer counts, or when the topic's resolution has changed. File ids grow in the order of commits, so that the new
    files are those beyond the greatest id in the log: no clock, no name, no arrival time decides.

    Arguments: columns, of topic_columns; rows, the staging model; resolution, of resolution_of; known, the
    common table expression `files` as it stands in the statement.
#}
{% macro rows_of_touched_records(columns, rows, resolution, known) -%}
    {{ refuse_other_types(columns) }}
    {%- set found_by = rewritten_by(this, columns) -%}
    {%- set key = found_by | join(', ') %}
    {%- set touched %}
    log_end as (
        {{ end_of_log(this) }}
    ),

    new_rows as (
        select *{{ bucket_column() }} from {{ rows }}
        where
            {{ is_newer('(select _file_id from log_end)') }}
            and _file_id in (select _file_id from files)
    ),

    touched as (
        select {{ key }} from new_rows
        union
        select {{ key }} from {{ this }}
        where _organization_id in (
            select _organization_id from files
            where kind = 'snapshot' and is_counting and _file_id > (select _file_id from log_end)
        )
        union
        select {{ key }} from {{ this }}
        where outcome <> 'revised' and {{ counts_no_longer(this, known) }}
        union
        select {{ key }} from {{ this }} where _resolution <> '{{ resolution }}'
    )
    {%- endset %}
    {{- touched }},

    -- By name: a column that came with the new files is null in what the log held before.
    log_with_news as {{ not_materialized() }} (
        {{ union_by_name(this, 'new_rows', columns) }}
    ),

    delivered as (
        {{ touched_rows(this, columns, known ~ ',' ~ touched, found_by) }}
    ),

    snapshot_rows as {{ not_materialized() }} (
        select _file_id, {{ column_or_null('updated_at', columns | map(attribute='name') | list) }} as updated_at from log_with_news
    )
{%- endmacro %}


{#
    Stops a build whose columns have other types than the log holds: after a change of the registry, old values have to be
    read from their texts again. `python -m loaders run` does so by itself.

    Arguments: columns, of topic_columns.
#}
{% macro refuse_other_types(columns) -%}
    {%- if this is string -%}{%- do return('') -%}{%- endif -%} {#- a fixture's name, in dbt's unit tests -#}
    {%- set held = {} -%}
    {%- for column in adapter.get_columns_in_relation(this) -%}{%- do held.update({column.name: column.dtype | upper}) -%}{%- endfor -%}
    {%- set faults = [] -%}
    {%- for column in columns -%}
        {%- set wanted = catalog_type(column.data_type) -%}
        {%- if held.get(column.name, wanted) != wanted -%}
            {%- do faults.append(column.name ~ ' (' ~ held[column.name] ~ ', now ' ~ wanted ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if faults -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ': types have changed: ' ~ faults | join(', ') ~ '. Build it from the raw rows: dbt build --full-refresh --select ' ~ model.name ~ '+') -%}
    {%- endif -%}
{%- endmacro %}
