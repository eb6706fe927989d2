{#
    How far into the ledger a topic was tested by finished runs, so that a build tests what came after it alone; 0 where all is to be tested,
    as in `dbt test`, in a full refresh, with other variables, and on Spark: what was tested is noted in the build database.

    A variable of the connection, and not its number: a test says the same in each build, and the next can say it again without dbt
    (docs/decisions/0038). DuckDB plans with what it holds.

    Arguments: topic, literal. Example: `where _newest_file_id > {{ tested_until('units') }}`
#}
{% macro tested_until(topic) -%}
    {%- if not execute or target.type != 'duckdb' or flags.WHICH != 'build' or flags.FULL_REFRESH or invocation_args_dict.get('vars') -%}{%- do return(0) -%}{%- endif -%}
    {%- do run_query("set variable tested_until = (select coalesce(max(_file_id), 0) from raw._built where topic = '" ~ topic ~ "')") -%}
    {%- set is_tested = run_query("select getvariable('tested_until') > 0").columns[0].values()[0] -%}
    {%- do return("getvariable('tested_until')" if is_tested else 0) -%}
{%- endmacro %}
