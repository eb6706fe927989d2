{#
    The references of a topic, from the registry (`config.meta.references` of its columns): a list of {column, target}, the column in
    snake_case and the `ref` of the current state it leads to. Targets without marts are left out. Empty while parsing.

    Arguments: topic, literal.
    Example: `references_of('leases')` -> `[{'column': 'unit_id', 'target': marts.units}, ...]`
#}
{% macro references_of(topic) -%}
    {%- set found = [] -%}
    {%- for column in (registry_columns(topic) if execute else []) -%}
        {%- set target = column.get('meta', {}).get('references') -%}
        {%- if target and 'model.' ~ project_name ~ '.' ~ target in graph.nodes -%}
            {%- do found.append({'column': snake_case(column.name), 'target': ref(target).include(database=false)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(found) -%}
{%- endmacro %}
