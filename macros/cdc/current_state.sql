{#
    A topic's current state: one row per record that exists now. docs/contract.md, section 5.

    Arguments: topic, literal; history, `ref` of its history.
    Example: `{{ current_state(topic='units', history=ref('units_history')) }}`
#}
{% macro current_state(topic, history) -%}
    select
        {%- for column in topic_columns(topic) %}
        {{ adapter.quote(column.name) }},
        {%- endfor %}
        _organization_id,
        _file_id,
        _row_number,
        _batch_at
    from {{ history.include(database=false) }}
    where {{ is_in_force() }}
{%- endmacro %}


{# Whether a version is the record as it is now. #}
{% macro is_in_force() -%}
    is_current and not is_deleted
{%- endmacro %}
