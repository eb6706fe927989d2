{#
    The ledger of market jobs, or no rows where there is none: the columns of _market__sources.yml.

    Arguments: relation, `source('market', '_market_jobs')`. Example: `{{ market_jobs(source('market', '_market_jobs')) }}`
#}
{% macro market_jobs(relation) -%}
    {%- if not execute -%}{%- do return('select null as job_id') -%}{%- endif -%}
    select
        {%- for column in market_registry('_market_jobs') %}
        {{ column.name if raw_columns('_market_jobs') else 'null::' ~ column.data_type ~ ' as ' ~ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation if raw_columns('_market_jobs') else '(select 1) where false' }}
{%- endmacro %}
