{#
    The names of a relation's columns. Every model of a topic asks, and `duckdb_columns()` would look through the whole catalog each time.

    Arguments: relation, as adapter.get_relation gives it. Example: `names_of_columns(raw)` -> `['id', 'status', ...]`
#}
{% macro names_of_columns(relation) -%}
    {%- do return(adapter.dispatch('names_of_columns')(relation)) -%}
{%- endmacro %}


{% macro default__names_of_columns(relation) -%}
    {%- do return(run_query("select name from pragma_table_info('" ~ relation ~ "')").columns[0].values() | list) -%}
{%- endmacro %}
