{#
    A topic's history: one row per version of a record. docs/contract.md, section 5.

    Arguments: topic, literal; changes, `ref` of its change log.
    Example: `{{ history(topic='units', changes=ref('units_changes')) }}`
#}
{% macro history(topic, changes) -%}
    select
        {%- for column in topic_columns(topic) %}
        {{ adapter.quote(column.name) }},
        {%- endfor %}
        _organization_id,
        valid_from,
        valid_to,
        is_current,
        is_deleted,
        change_type,
        version_number,
        _file_id,
        _row_number,
        _batch_at
    from {{ changes.include(database=false) }}
    where {{ is_version() }}
{%- endmacro %}


{# Whether a row of a change log made a version of its record. #}
{% macro is_version() -%}
    version_number is not null
{%- endmacro %}
