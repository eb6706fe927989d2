{# How a change log on Spark is brought up to date: in whole buckets of keys, or merged. docs/decisions/0034-a-lake-of-parquet.md. #}
{% macro spark__rewritten_by(log, columns) -%}
    {%- do return(['_bucket'] if env_var('FORTRESS_LAKE_FORMAT', 'parquet') == 'parquet' else ['_organization_id', 'id', '_bucket']) -%}
{%- endmacro %}

{% macro spark__bucket_of(prefix) -%}
    pmod(xxhash64({{ prefix }}_organization_id, {{ prefix }}id), {{ env_var('FORTRESS_LAKE_BUCKETS', '16') }})
{%- endmacro %}

{% macro spark__load_column(value) -%}
    , {{ value ~ ' as ' if value }}_load
{%- endmacro %}

{% macro spark__is_newer(file_id) -%}
    _load > {{ file_id }} and _file_id > {{ file_id }}
{%- endmacro %}

{% macro spark__end_of_log(log) -%}
    select {{ run_query(default__end_of_log(log)).rows[0][0] }} as _file_id
{%- endmacro %}

{# Parquet's buckets are put in place one after the other: a log that a killed build left half is written anew, from what was delivered. #}
{% macro spark__goes_on() -%}
    {%- do return(is_incremental() and 'begun' not in run_query('show tblproperties ' ~ this).columns[1].values()) -%}
{%- endmacro %}

{% macro spark__note_begun(log) -%}
    {%- if is_incremental() and rewritten_by() == ['_bucket'] -%}alter table {{ log }} set tblproperties ('fortress.build' = 'begun'){%- endif -%}
{%- endmacro %}

{% macro spark__note_seen(log) -%}
    {%- if rewritten_by() == ['_bucket'] -%}alter table {{ log }} set tblproperties ('fortress.build' = 'ended'){%- endif -%}
{%- endmacro %}

{# To ask first would be one more job. #}
{% macro spark__counts_no_longer(log, known) -%}
    _file_id not in (select _file_id from files where is_counting)
{%- endmacro %}

{# Which buckets is asked first, so that a scan of the log opens no others: no planner would find out in time. #}
{% macro spark__touched_rows(log, columns, touched, key) -%}
    {%- set buckets = run_query('with ' ~ touched ~ ' select distinct _bucket from touched order by _bucket').columns[0].values() -%}
    {%- set finer = key | reject('eq', '_bucket') | join(', ') %}
    select log_with_news.*, {{ image_of(columns) }} as _image from log_with_news {{ 'semi join touched using (' ~ finer ~ ')' if finer }} where _bucket in ({{ buckets | join(', ') or 'null' }})
{%- endmacro %}

{% macro spark__unless_it_stands(resolution) -%}{%- endmacro %}

{# Rows under an old number are not among those of their record any more: a bucket that is written anew lacks them. #}
{% macro spark__forget_renumbered(log) -%}
    {%- if env_var('FORTRESS_LAKE_FORMAT', 'parquet') != 'parquet' -%}{{ default__forget_renumbered(log) }}{%- endif -%}
{%- endmacro %}
