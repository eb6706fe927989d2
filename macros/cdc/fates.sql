{#
    What a build finds out about a delivered row: what became of it, and the version that it made.
#}
{% macro fate_columns() -%}
    {%- do return(['_batch_at', 'outcome', 'valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', 'version_number', '_rules_disagree']) -%}
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
    that it is updated where it stands. To delete and insert it would be to read and write every column of it.

    The file ids of new rows are beyond the greatest of the log: macros/cdc/touched_records.sql.
#}
{% macro get_incremental_fates_sql(arguments) -%}
    {%- set log, news = arguments['target_relation'], arguments['temp_relation'] -%}
    {%- set columns = topic_columns(log.identifier | replace('_changes', '')) -%}
    {%- set names = [] -%}
    {%- for column in arguments['dest_columns'] -%}{%- do names.append(adapter.quote(column.name)) -%}{%- endfor -%}
    update {{ log }} as log set
        {%- for column in fate_columns() + ['_resolution', '_newest_file_id'] %}
        {{ column }} = news.{{ column }} {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ news }} as news
    where log._file_id = news._file_id and log._row_number = news._row_number;

    insert into {{ log }} ({{ names | join(', ') }})
    select {{ names | join(', ') }} from {{ news }}
    where _file_id > (select coalesce(max(_file_id), 0) from {{ log }});
    {%- if not images_stand(log, columns) %}

    update {{ log }} set _image = {{ image_of(columns) }};
    {%- endif %}
{%- endmacro %}
