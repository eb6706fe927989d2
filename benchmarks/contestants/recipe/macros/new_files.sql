{# The files that a table has no rows of, as an SQL list. #}
{% macro new_files(relation) -%}
    {%- set seen -%}
        {%- if is_incremental() %} where file not in (select distinct filename from {{ relation }}){% endif -%}
    {%- endset -%}
    {%- set found = run_query("select file from glob('" ~ env_var('RECIPE_FILES') ~ "')" ~ seen ~ " order by file") -%}
    {%- do return(found.columns[0].values() | list) -%}
{%- endmacro %}
