{# Relations and their columns in Spark's catalog. #}
{% macro spark__names_of_columns(relation) -%}
    {%- do return(adapter.get_columns_in_relation(relation) | map(attribute='name') | reject('eq', '_load') | list) -%}
{%- endmacro %}

{% macro spark__catalog_type(data_type) -%}
    {%- do return({'text': 'STRING', 'json': 'STRING', 'timestamp': 'TIMESTAMP_NTZ'}.get(data_type, data_type | upper)) -%}
{%- endmacro %}

{% macro spark__union_by_name(log, news, columns) -%}
    {%- set held = adapter.get_columns_in_relation(log) | map(attribute='name') | list -%}
    {%- set technical = ['_organization_id', 'id', '_file_id', '_row_number', '_op', '_cast_failures'] + rewritten_by() -%}
    {%- for relation in [log, news] -%}
    {{ 'union all' if not loop.first }}
    select
        {%- for column in columns if column.name != 'id' %}
        {{ adapter.quote(column.name) if relation == news or column.name in held else 'null::' ~ catalog_type(column.data_type) ~ ' as ' ~ adapter.quote(column.name) }},
        {%- endfor %}
        {{ technical | unique | join(', ') }}
    from {{ relation }}
    {% endfor -%}
{%- endmacro %}
