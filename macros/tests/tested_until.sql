{#
    How far into the ledger a topic was tested by finished runs, so that a build tests what came after it alone; 0 where all is to be tested,
    as in `dbt test`, in a full refresh, with other variables, and on Spark: what was tested is noted in the build database.

    Arguments: topic, literal. Example: `where _newest_file_id > {{ tested_until('units') }}`
#}
{% macro tested_until(topic) -%}
    {%- if not execute or target.type != 'duckdb' or flags.WHICH != 'build' or flags.FULL_REFRESH or invocation_args_dict.get('vars') -%}{%- do return(0) -%}{%- endif -%}
    {%- do return(run_query("select coalesce(max(_file_id), 0) from raw._built where topic = '" ~ topic ~ "'").columns[0].values()[0]) -%}
{%- endmacro %}
