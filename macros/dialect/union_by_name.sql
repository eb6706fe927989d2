{#
    A log and the news of it, one below the other: a column that came with the news is null in what the log held before.

    Arguments: log, a relation in the database; news, a relation; columns, of topic_columns.
    Example: `{{ union_by_name(this, 'new_rows', columns) }}`
#}
{% macro union_by_name(log, news, columns) -%}
    {{ adapter.dispatch('union_by_name')(log, news, columns) }}
{%- endmacro %}


{% macro default__union_by_name(log, news, columns) -%}
    select * from {{ log }}
    union all by name
    select * from {{ news }}
{%- endmacro %}
