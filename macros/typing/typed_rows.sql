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
        select null::bigint as _file_id, null::string as _organization_id, null::bigint as _row_number, null::string as _op {{- load_column('null::bigint') }} where false
        {%- endif %}
    ),

    texts as (
        select
            {%- for column in columns if column.delivered %}
            {{ delivered_text(column) }} as {{ adapter.quote(column.name) }},
            {%- endfor %}
            _organization_id,
            _file_id,
            _row_number,
            _op
            {{- load_column() }}
        from delivered
    ),

    typed as (
        select
            {%- for column in columns if column.delivered %}
            {{ cast_delivered('texts.' ~ adapter.quote(column.name), column.data_type) }} as {{ adapter.quote(column.name) }},
            {%- endfor %}
            _organization_id,
            _file_id,
            _row_number,
            _op
            {{- load_column() }}
            {%- for column in typed %},
            texts.{{ adapter.quote(column.name) }} as {{ adapter.quote('text of ' ~ column.name) }}
            {%- endfor %}
        from texts
    )

    select
        {%- for column in columns %}
        {{ '' if column.delivered else 'null::' ~ catalog_type(column.data_type) ~ ' as ' }}{{ adapter.quote(column.name) }},
        {%- endfor %}
        _organization_id,
        _file_id,
        _row_number,
        _op,
        {{ failed_casts(typed) }} as _cast_failures
        {{- load_column() }}
    from typed
{%- endmacro %}


{# The delivered text of one column: the first of its spellings that the row has. #}
{% macro delivered_text(column) -%}
    {%- set spellings = [] -%}
    {%- for spelling in column.delivered -%}{%- do spellings.append(quoted(spelling)) -%}{%- endfor -%}
    {%- if not spellings -%}null::string
    {%- elif spellings | length == 1 -%}{{ spellings[0] }}
    {%- else -%}coalesce({{ spellings | join(', ') }})
    {%- endif -%}
{%- endmacro %}


{# A list of {column_name, value} of what did not cast in a row; null where all did. #}
{% macro failed_casts(columns) -%}
    {%- set failures = [struct_of({'column_name': 'null::string', 'value': 'null::string'})] if not columns else [] -%}
    {%- for column in columns -%}
        {%- set failed = 'case when ' ~ adapter.quote(column.name) ~ ' is null then ' ~ adapter.quote('text of ' ~ column.name) ~ ' end' -%}
        {%- do failures.append(struct_of({'column_name': "'" ~ column.name | replace("'", "''") ~ "'", 'value': failed})) -%}
    {%- endfor -%}
    case
        when false
            {%- for column in columns %}
            or ({{ adapter.quote(column.name) }} is null and {{ adapter.quote('text of ' ~ column.name) }} is not null)
            {%- endfor %}
        then {{ those_with(list_of(failures), 'value') }}
    end
{%- endmacro %}
