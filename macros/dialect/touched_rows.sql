{#
    How little of a change log a build reads and writes, where only some of its records are touched.

    end_of_log        the select of the greatest file id in the log. log, `this`.
    touched_rows      every row, old and new, of the touched records. DuckDB reads the keys of all rows, and of those that are wanted the
                      rest, by their place. Expects touched, new_rows and log_with_news; log, `this`; columns, of topic_columns; touched,
                      the common table expressions that end in touched, for an engine that asks for the keys before.
    unless_it_stands  the condition that leaves out rows of the log that say already what they would say anew: most rows of a record with
                      a past. Expects delivered and fates. None where whole partitions are replaced. resolution, of resolution_of.
#}
{% macro end_of_log(log) -%}
    {{ adapter.dispatch('end_of_log')(log) }}
{%- endmacro %}


{% macro default__end_of_log(log) -%}
    select coalesce(max(_file_id), 0) as _file_id from {{ log }}
{%- endmacro %}


{% macro touched_rows(log, columns, touched) -%}
    {{ adapter.dispatch('touched_rows')(log, columns, touched) }}
{%- endmacro %}


{% macro default__touched_rows(log, columns, touched) -%}
    {%- set key = rewritten_by() | join(', ') -%}
    {%- if log is string -%} {#- a fixture of dbt's unit tests is no table, and has no places -#}
        select * from log_with_news semi join touched using ({{ key }})
    {%- else -%}
        {%- set found = '(from ' ~ log ~ ' where rowid in (select rowid from ' ~ log ~ ' semi join touched using (' ~ key ~ ')))' -%}
        {{ union_by_name(found, 'new_rows', columns) }}
    {%- endif -%}
{%- endmacro %}


{% macro unless_it_stands(resolution) -%}
    {{ adapter.dispatch('unless_it_stands')(resolution) }}
{%- endmacro %}


{% macro default__unless_it_stands(resolution) -%}
    {%- set fate = ['_batch_at', 'outcome', 'valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', 'version_number', '_rules_disagree'] -%}
    where
        delivered._newest_file_id is null
        or delivered._resolution <> '{{ resolution }}'
        {%- for column in fate %}
        or delivered.{{ column }} is distinct from fates.{{ column }}
        {%- endfor %}
{%- endmacro %}
