{# How a change log on Spark is brought up to date: in whole buckets of keys, or merged. docs/decisions/0034-a-lake-of-parquet.md. #}
{% macro spark__rewritten_by() -%}
    {%- do return(['_bucket'] if env_var('FORTRESS_LAKE_FORMAT', 'parquet') == 'parquet' else ['_organization_id', 'id', '_bucket']) -%}
{%- endmacro %}

{% macro spark__bucket_column(prefix) -%}
    , pmod(xxhash64({{ prefix }}_organization_id, {{ prefix }}id), {{ env_var('FORTRESS_LAKE_BUCKETS', '16') }}) as _bucket
{%- endmacro %}

{% macro spark__load_column(value) -%}
    , {{ value ~ ' as ' if value }}_load
{%- endmacro %}

{% macro spark__is_newer(file_id) -%}
    _load > {{ file_id }} and _file_id > {{ file_id }}
{%- endmacro %}

{% macro spark__touched_rows(log, columns) -%}
    select * from log_with_news semi join touched using ({{ rewritten_by() | join(', ') }})
{%- endmacro %}

{% macro spark__unless_it_stands(resolution) -%}{%- endmacro %}

{# Rows under an old number are not among those of their record any more: a bucket that is written anew lacks them. #}
{% macro spark__forget_renumbered(log) -%}
    {%- if env_var('FORTRESS_LAKE_FORMAT', 'parquet') != 'parquet' -%}{{ default__forget_renumbered(log) }}{%- endif -%}
{%- endmacro %}
