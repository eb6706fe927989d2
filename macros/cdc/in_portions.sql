{#
    How a change log is written from all its rows: in portions, so that the memory it takes does not grow with them.

    Resolved at once, ten million rows overflow a gigabyte several times over: DuckDB puts every delivered value aside to join it, or
    gives up. So the statement is cut where it says so (`cut`), and what it says is done step by step: what resolving needs of each row is
    put aside; then the records are resolved, some of them at a time; then the rows are written, some of them at a time, each
    with what became of it. A record's rows are in one portion, so that it is the same log.

    Overrides dbt-duckdb's `create_table_as`, of change logs alone, as some of their columns are not stored: macros/cdc/log_table.sql.
#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- set parts = compiled_code.split(cut()) if language == 'sql' and not temporary else [] -%}
    {%- if parts | length == 6 -%}
        {{ create_log(relation, topic_columns(model.name | replace('_changes', ''))) }};
        {% set chunks = chunks_of(parts) -%}
        {%- if chunks | length > 1 -%}
        {{ in_portions(relation, parts, chunks) }}
        {%- else -%}
        insert into {{ relation }} by name
        {{ compiled_code }};
        {%- endif -%}
    {%- else -%}
        {{ dbt.duckdb__create_table_as(temporary, relation, compiled_code, language, partitioned_by, sorted_by) }}
    {%- endif -%}
{%- endmacro %}


{# What stands in a change log's statement where it may be cut. #}
{% macro cut() -%}
    -- Many rows are resolved in portions, for which the statement is cut here: macros/cdc/in_portions.sql
{%- endmacro %}


{#
    The statements that write a change log in portions.

    Arguments: relation, the log; parts, of its statement: files, delivered, placed, snapshot_rows, all that resolves, and the select;
    chunks, of chunks_of.
#}
{% macro in_portions(relation, parts, chunks) -%}
    {%- set files, delivered, placed, resolving, rows = parts[0], parts[1], parts[2], parts[4], parts[5] -%}
    {%- set aside, fates = 'temp.' ~ adapter.quote(relation.identifier ~ '_placed'), 'temp.' ~ adapter.quote(relation.identifier ~ '_fates') -%}
    create temporary table {{ aside }} as
    {{ (files ~ delivered ~ placed).rstrip().rstrip(',') }}
    select *, ({{ bucket_of() }} % {{ chunks | length }})::integer as _portion from placed;

    {% for _ in chunks -%}
    {{ 'create temporary table ' ~ fates ~ ' as' if loop.first else 'insert into ' ~ fates }}
    {{ files }}
    placed as (
        select * exclude (_portion) from {{ aside }} where _portion = {{ loop.index0 }}
    ),

    snapshot_rows as not materialized (
        select _file_id, updated_at from {{ aside }}
    ),
    {{ resolving }}
    select * from fates;

    {% endfor -%}
    drop table {{ aside }};

    {% for condition in chunks -%}
    insert into {{ relation }} by name
    {{ files }}
    {{ delivered }}
    fates as (
        select * from {{ fates }} where {{ condition }}
    )
    {{ rows }};

    {% endfor -%}
    drop table {{ fates }};
{%- endmacro %}


{#
    The conditions on `_file_id` and `_row_number` that divide the delivered rows into chunks in their own order: parts of a large
    file, or several small ones.

    Arguments: parts, as above. Returns a list of conditions; one, where there is nothing to divide.
#}
{% macro chunks_of(parts) -%}
    {%- set counted = 'select _file_id, count(*), max(_row_number) from delivered group by _file_id order by _file_id' -%}
    {%- set size, conditions, gathered = var('rows_of_a_portion'), [], [] -%}
    {%- set held = namespace(rows=0) -%}
    {%- for row in run_query((parts[0] ~ parts[1]).rstrip().rstrip(',') ~ ' ' ~ counted).rows -%}
        {%- set file, rows, last = row[0] | int, row[1] | int, row[2] | int -%}
        {%- if rows > size -%}
            {%- for before in range(0, last, size) -%} {#- full row groups: DuckDB would join others at its next checkpoint, and write all anew -#}
                {%- do conditions.append('_file_id = ' ~ file ~ ' and _row_number > ' ~ before ~ ' and _row_number <= ' ~ (before + size)) -%}
            {%- endfor -%}
        {%- else -%}
            {%- if held.rows + rows > size -%}
                {%- do conditions.append('_file_id in (' ~ gathered | join(', ') ~ ')') -%}
                {%- do gathered.clear() -%}
                {%- set held.rows = 0 -%}
            {%- endif -%}
            {%- do gathered.append(file) -%}
            {%- set held.rows = held.rows + rows -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if gathered -%}{%- do conditions.append('_file_id in (' ~ gathered | join(', ') ~ ')') -%}{%- endif -%}
    {%- do return(conditions) -%}
{%- endmacro %}
