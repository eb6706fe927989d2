{#
    The common table expressions `delivered` (every row, old and new, of the records that have to be resolved anew) and
    `snapshot_rows` (file and updated_at of all rows: a snapshot's high-water mark counts the untouched ones too).

    A record is touched when a new file holds a row of it, when a new snapshot may lack it, when a file that it has rows of
    no longer counts, or when the topic's resolution has changed. File ids grow in the order of commits, so that the new
    files are those beyond the greatest id in the log: no clock, no name, no arrival time decides.

    Arguments: columns, of topic_columns; rows, the staging model; resolution, of resolution_of.
#}
{% macro rows_of_touched_records(columns, rows, resolution) -%}
    {#- In dbt's unit tests `this` is the name of a fixture, which has every column. -#}
    {%- set existing = [] if this is string else adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
    log_end as (
        select coalesce(max(_file_id), 0) as _file_id from {{ this }}
    ),

    new_rows as (
        select * from {{ rows }}
        where
            _file_id > (from log_end select _file_id)
            and _file_id in (from files select _file_id)
    ),

    touched as (
        select _organization_id, id from new_rows
        union
        select _organization_id, id from {{ this }}
        where _organization_id in (
            select _organization_id from files
            where kind = 'snapshot' and is_counting and _file_id > (from log_end select _file_id)
        )
        union
        select _organization_id, id from {{ this }}
        where outcome <> 'revised' and _file_id not in (select _file_id from files where is_counting)
        union
        select _organization_id, id from {{ this }} where _resolution <> '{{ resolution }}'
    ),

    delivered as (
        select
            {%- for column in columns %}
            {%- if column.name in existing or not existing %}
            {{ adapter.quote(column.name) }},
            {%- else %}
            null::{{ column.data_type }} as {{ adapter.quote(column.name) }},
            {%- endif %}
            {%- endfor %}
            _organization_id,
            _file_id,
            _row_number,
            _op,
            _cast_failures
        from {{ this }}
        semi join touched using (_organization_id, id)
        where _file_id in (from files select _file_id)
        union all by name
        select * from new_rows
    ),

    snapshot_rows as (
        select _file_id, {{ column_or_null('updated_at', existing or columns | map(attribute='name') | list) }} as updated_at from {{ this }}
        union all
        select _file_id, {{ column_or_null('updated_at', columns | map(attribute='name') | list) }} as updated_at from new_rows
    )
{%- endmacro %}
