{#
    Every delivered row of a topic with typed, snake_case columns: the whole body of a staging model.

    Adapts to what was delivered: expected columns are always there, unexpected ones follow, and a topic without a raw table
    gives no rows. A value that does not cast is null here, and listed with its text in `_cast_failures`.

    Arguments: topic, literal; relation, `source('fortress', topic)`.
    Example: `{{ typed_rows(topic='units', relation=source('fortress', 'units')) }}`
#}
{% macro typed_rows(topic, relation) -%}
    {%- set columns = topic_columns(topic) -%}
    {%- set typed = columns | selectattr('delivered') | rejectattr('data_type', 'eq', 'text') | list -%}
    with delivered as (
        {%- if columns | selectattr('delivered') | list %}
        select * from {{ relation }}
        {%- else %}
        select null::bigint as _file_id, null::varchar as _organization_id, null::bigint as _row_number, null::varchar as _op where false
        {%- endif %}
    ),

    texts as (
        select
            {%- for column in columns %}
            {{ delivered_text(column) }} as {{ adapter.quote(column.name) }},
            {%- endfor %}
            _organization_id,
            _file_id,
            _row_number,
            _op
        from delivered
    ),

    typed as (
        select
            {%- for column in columns %}
            {{ cast_delivered('texts.' ~ adapter.quote(column.name), column.data_type) }} as {{ adapter.quote(column.name) }},
            {%- endfor %}
            _organization_id,
            _file_id,
            _row_number,
            _op
            {%- for column in typed %},
            texts.{{ adapter.quote(column.name) }} as {{ adapter.quote('text of ' ~ column.name) }}
            {%- endfor %}
        from texts
    )

    select
        {%- for column in columns %}
        {{ adapter.quote(column.name) }},
        {%- endfor %}
        _organization_id,
        _file_id,
        _row_number,
        _op,
        {{ failed_casts(typed) }} as _cast_failures
    from typed
{%- endmacro %}


{# The delivered text of one column: the first of its spellings that the row has. #}
{% macro delivered_text(column) -%}
    {%- set spellings = column.delivered | map('replace', '"', '""') | list -%}
    {%- if not spellings -%}null::varchar
    {%- elif spellings | length == 1 -%}"{{ spellings[0] }}"
    {%- else -%}coalesce("{{ spellings | join('", "') }}")
    {%- endif -%}
{%- endmacro %}


{# A list of {column_name, value} of what did not cast in a row; null where all did. #}
{% macro failed_casts(columns) -%}
    {%- if not columns -%}
    null::struct(column_name varchar, "value" varchar)[]
    {%- else -%}
    case
        when false
            {%- for column in columns %}
            or ({{ adapter.quote(column.name) }} is null and {{ adapter.quote('text of ' ~ column.name) }} is not null)
            {%- endfor %}
        then list_filter([
            {%- for column in columns %}
            {'column_name': '{{ column.name | replace("'", "''") }}', 'value': case when {{ adapter.quote(column.name) }} is null then {{ adapter.quote('text of ' ~ column.name) }} end}
            {{- ',' if not loop.last }}
            {%- endfor %}
        ], lambda failure: failure.value is not null)
    end
    {%- endif -%}
{%- endmacro %}
