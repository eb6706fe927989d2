{#
    What a build finds out about a delivered row: what became of it, and the version that it made.
#}
{% macro fate_columns() -%}
    {%- do return(['_batch_at', 'outcome', 'valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', 'version_number', '_rules_disagree']) -%}
{%- endmacro %}


{#
    What another version of its record changes of a row that made the version in force, and nothing else of it.
#}
{% macro columns_of_an_end() -%}
    {%- do return(['valid_to', 'is_current']) -%}
{%- endmacro %}


{#
    The columns of a change log by which its rows are resolved anew; what else was delivered in them need not be read.

    Arguments: columns, of topic_columns. Returns a list of names, as a statement holds them.
#}
{% macro what_resolving_reads(columns) -%}
    {%- set names = ['_organization_id', 'id', '_file_id', '_row_number', '_op'] -%}
    {%- for column in columns if column.name in ('created_at', 'updated_at', 'deleted_at') -%}{%- do names.append(column.name) -%}{%- endfor -%}
    {%- do return(names + fate_columns() + ['_resolution', '_newest_file_id', '_image']) -%}
{%- endmacro %}


{#
    dbt's incremental strategy `fates`: rows of new files are inserted; of a row that was there before, only its fate can have changed, so
    that it is updated where it stands. To delete and insert it would be to read and write every column of it. Most fates that change
    are ends: DuckDB writes a column of 122,880 rows anew for one value, so that the other columns are written of other rows alone.

    The file ids of new rows are beyond the greatest of the log: macros/cdc/touched_records.sql.
#}
{% macro get_incremental_fates_sql(arguments) -%}
    {%- set log, news = arguments['target_relation'], arguments['temp_relation'] -%}
    {%- set columns = topic_columns(log.identifier | replace('_changes', '')) -%}
    {%- set of_an_end = columns_of_an_end() + ['_newest_file_id'] -%}
    {%- set others = (fate_columns() + ['_resolution']) | reject('in', of_an_end) | list %}
    update {{ log }} as log set {{ read_from('news', others) }}
    from {{ news }} as news
    where
        log._file_id = news._file_id
        and log._row_number = news._row_number
        and ({% for column in others %}log.{{ column }} is distinct from news.{{ column }} {{- ' or ' if not loop.last }}{% endfor %});

    update {{ log }} as log set {{ read_from('news', of_an_end) }}
    from {{ news }} as news
    where log._file_id = news._file_id and log._row_number = news._row_number;

    {{ store_delivered(log, columns) }}
    insert into {{ log }} by name
    select * from {{ news }}
    where _file_id > (select coalesce(max(_file_id), 0) from {{ log }});
    {%- if not hashes_stand(log, columns) %}

    update {{ log }} set _image = {{ image_of(columns) }}, _bucket = {{ bucket_of() }};
    {%- endif %}
{%- endmacro %}


{# Assignments of columns of the same names. #}
{% macro read_from(source, columns) -%}
    {%- for column in columns -%}{{ column }} = {{ source }}.{{ column }} {{- ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
