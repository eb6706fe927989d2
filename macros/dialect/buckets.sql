{#
    How the rows of a record are found in a change log. A record's bucket is a number that all its rows share, and hardly another record:
    DuckDB compares those of all rows with the touched ones at a seventh of what the keys cost, which are texts; some thousands of
    millions of buckets are enough, as records of one bucket are only resolved together. An engine that can only replace whole
    partitions of a table has as many buckets as partitions.

    rewritten_by    list of the columns by which a build resolves anew what the change log holds: all rows that share them with a new one. On
                    DuckDB the keys, while the log's numbers are those of another engine; log, a relation; columns, of topic_columns
    bucket_of       an expression of the bucket; prefix, that of `_organization_id` and `id`
    bucket_column   the select's further column, with its comma
    load_column     the same of the raw rows: the load that a row came in, so that only the folders of new loads are opened; value, of what
                    has no rows
    is_newer        whether a row's file is newer than another; file_id, an SQL expression of that one

    Example: `select *{{ bucket_column() }} from {{ rows }} where {{ is_newer('(select _file_id from log_end)') }}`
#}
{% macro rewritten_by(log=none, columns=[]) -%}
    {%- do return(adapter.dispatch('rewritten_by')(log, columns)) -%}
{%- endmacro %}


{% macro default__rewritten_by(log, columns) -%}
    {%- do return(['_bucket'] if hashes_stand(log, columns) else ['_organization_id', 'id']) -%}
{%- endmacro %}


{% macro bucket_of(prefix='') -%}
    {{ adapter.dispatch('bucket_of')(prefix) }}
{%- endmacro %}


{% macro default__bucket_of(prefix) -%}
    (hash({{ prefix }}_organization_id, {{ prefix }}id) >> 32)::uinteger
{%- endmacro %}


{% macro bucket_column(prefix='') -%}
    , {{ bucket_of(prefix) }} as _bucket
{%- endmacro %}


{% macro load_column(value='') -%}
    {{ adapter.dispatch('load_column')(value) }}
{%- endmacro %}


{% macro default__load_column(value) -%}{%- endmacro %}


{% macro is_newer(file_id) -%}
    {{ adapter.dispatch('is_newer')(file_id) }}
{%- endmacro %}


{% macro default__is_newer(file_id) -%}
    _file_id > {{ file_id }}
{%- endmacro %}
