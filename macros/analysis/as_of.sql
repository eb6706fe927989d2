{#
    A topic as it was at a moment: one row per record that existed then, with the columns that the current table has.
    docs/contract.md, section 5.

    Arguments: topic, literal; timestamp, a moment as ISO 8601 text (no offset: UTC), or an SQL expression.
    Example: `select status, count(*) from ({{ as_of('workorders', '2026-06-02') }}) group by status`
#}
{% macro as_of(topic, timestamp) -%}
    {{ versions_as_of(ref(topic ~ '_history').include(database=false), as_expression(timestamp)) }}
{%- endmacro %}


{# The select of as_of on any history; the published file's table macros are made of it too (loaders/table_macros.py). #}
{% macro versions_as_of(history, timestamp) -%}
    select * exclude (valid_from, valid_to, is_current, is_deleted, change_type, version_number)
    from {{ history }}
    where
        {{ utc_moment(timestamp) }} >= valid_from
        and ({{ utc_moment(timestamp) }} < valid_to or valid_to is null)
        and not is_deleted
{%- endmacro %}
