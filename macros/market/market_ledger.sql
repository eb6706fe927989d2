{#
    A table that the loader keeps beside the exports, or no rows where there is none: the columns of _market__sources.yml.

    Arguments: table, its name, literal; relation, its source. Example: `{{ market_ledger('_market_jobs', source('market', '_market_jobs')) }}`
#}
{% macro market_ledger(table, relation) -%}
    {%- if not execute -%}{%- do return('select null as job_id') -%}{%- endif -%}
    select
        {%- for column in market_registry(table) %}
        {{ column.name if raw_columns(table) else 'null::' ~ column.data_type ~ ' as ' ~ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation if raw_columns(table) else '(select 1) where false' }}
{%- endmacro %}
