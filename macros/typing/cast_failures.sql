{#
    One row per delivered value that did not cast, with its text and its place. docs/contract.md, section 6.

    Arguments: topic, literal; changes, `ref` of its change log.
    Example: `{{ cast_failures(topic='units', changes=ref('units_changes')) }}`
#}
{% macro cast_failures(topic, changes) -%}
    select
        '{{ topic }}' as topic,
        _organization_id,
        id,
        {{ rows_of('_cast_failures') }},
        _file_id,
        _row_number,
        _batch_at
    from {{ changes.include(database=false) }}
    where _cast_failures is not null
{%- endmacro %}
