{#
    A type of the registry as the database's catalog spells it.

    Arguments: data_type. Example: `catalog_type('text')` -> `VARCHAR`.
#}
{% macro catalog_type(data_type) -%}
    {%- do return(adapter.dispatch('catalog_type')(data_type)) -%}
{%- endmacro %}


{% macro default__catalog_type(data_type) -%}
    {%- do return(data_type | upper | replace('TEXT', 'VARCHAR')) -%}
{%- endmacro %}
