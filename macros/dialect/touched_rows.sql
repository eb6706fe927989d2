{#
    How little of a change log a build reads and writes, where only some of its records are touched.

    end_of_log        the select of the greatest file id in the log. log, `this`.
    counts_no_longer  the condition on a row of the log that its file counts no longer. Hardly ever does one, so that DuckDB is asked for them
                      first, by one column, and compares no row with the ledger; in order, as the answer is compared (decision 38). Expects
                      files; log, `this`; known, the expression files.
    touched_rows      every row, old and new, of the touched records, with its image. DuckDB reads the buckets of all rows, and of those that are
                      wanted the few columns that resolving needs: what was delivered in the others stays where it is. Expects touched,
                      new_rows and log_with_news; log, `this`; columns, of topic_columns; touched, the common table expressions that end
                      in touched, for an engine that asks for the buckets before; key, of rewritten_by.
    unless_it_stands  the condition that leaves out rows of the log that say already what they would say anew: most rows of a record with
                      a past. Expects delivered and fates. None where whole partitions are replaced. resolution, of resolution_of.
#}
{% macro end_of_log(log) -%}
    {{ adapter.dispatch('end_of_log')(log) }}
{%- endmacro %}


{% macro default__end_of_log(log) -%}
    select coalesce(max(_file_id), 0) as _file_id from {{ log }}
{%- endmacro %}


{% macro counts_no_longer(log, known) -%}
    {{ adapter.dispatch('counts_no_longer')(log, known) }}
{%- endmacro %}


{% macro default__counts_no_longer(log, known) -%}
    {%- set condition = '_file_id not in (select _file_id from files where is_counting)' -%}
    {%- if log is string -%}{%- do return(condition) -%}{%- endif -%} {#- a fixture of dbt's unit tests cannot be asked -#}
    {%- set found = run_query('with ' ~ known ~ ' select distinct _file_id from ' ~ log ~ ' where ' ~ condition ~ ' order by 1').columns[0].values() -%}
    _file_id in ({{ found | join(', ') or 'null' }})
{%- endmacro %}


{% macro touched_rows(log, columns, touched, key) -%}
    {{ adapter.dispatch('touched_rows')(log, columns, touched, key) }}
{%- endmacro %}


{% macro default__touched_rows(log, columns, touched, key) -%}
    {%- set found = 'from ' ~ log ~ ' semi join touched using (' ~ key | join(', ') ~ ')' -%}
    {%- if '_bucket' in key -%}
        select {{ what_resolving_reads(columns) | join(', ') }} {{ found }}
        union all by name
        select *, {{ image_of(columns) }} as _image from new_rows
    {%- else -%} {#- the log's hashes do not stand: macros/cdc/image.sql -#}
        select *, {{ image_of(columns) }} as _image from (
            select columns(lambda name: name <> '_image') {{ found }}
            union all by name
            select * from new_rows
        )
    {%- endif -%}
{%- endmacro %}


{% macro unless_it_stands(resolution) -%}
    {{ adapter.dispatch('unless_it_stands')(resolution) }}
{%- endmacro %}


{% macro default__unless_it_stands(resolution) -%}
    where
        delivered._newest_file_id is null
        or delivered._resolution <> '{{ resolution }}'
        {%- for column in fate_columns() %}
        or delivered.{{ column }} is distinct from fates.{{ column }}
        {%- endfor %}
{%- endmacro %}
