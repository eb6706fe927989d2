{#
    A topic's business columns: the registry's expected ones in its order, then what else was delivered, by name.

    Returns a list of {name, data_type, delivered}: the name in snake_case, one of cast_delivered's types, and the raw columns
    that spell it (none where nothing was delivered yet; several where the vendor changed the spelling, the registry's first).
    Empty while parsing.

    Arguments: topic, the name of a table of the source `fortress`.
#}
{% macro topic_columns(topic) -%}
    {%- if not execute -%}{%- do return([]) -%}{%- endif -%}
    {%- if not graph.get('sources') -%}{%- do return(staged_columns(topic)) -%}{%- endif -%}
    {%- set technical = ['_organization_id', '_file_id', '_row_number', '_op'] -%}
    {%- set columns, expected = {}, {} -%}
    {%- set registered = registry_columns(topic) -%}
    {%- for name in snake_case(registered | map(attribute='name') | list) -%}
        {%- do expected.update({registered[loop.index0].name | lower: name}) -%}
        {%- do columns.update({name: {'name': name, 'data_type': registered[loop.index0].data_type, 'delivered': []}}) -%}
    {%- endfor -%}
    {%- for raw_name in raw_columns(topic) | sort -%}
        {#- The registry's spelling decides, not that of the file that came first: `unitid` is `unitId`. -#}
        {%- if raw_name not in technical -%}
            {%- set name = expected.get(raw_name | lower) or snake_case(raw_name) -%}
            {%- if name not in columns -%}
                {%- do columns.update({name: {'name': name, 'data_type': type_by_name(name), 'delivered': []}}) -%}
            {%- endif -%}
            {%- do columns[name].delivered.insert(0 if raw_name | lower in expected else columns[name].delivered | length, raw_name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(columns.values() | list) -%}
{%- endmacro %}


{# The registry's entries of one topic: list of {name, data_type}, in the registry's order. #}
{% macro registry_columns(topic) -%}
    {%- for source in graph.sources.values() if source.source_name == 'fortress' and source.name == topic -%}
        {%- do return(source.columns.values() | list) -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error("topic_columns: the registry (_fortress__sources.yml) has no topic '" ~ topic ~ "'.") -%}
{%- endmacro %}


{#
    The names of the columns that raw.<topic> has; empty when nothing was delivered yet.
#}
{% macro raw_columns(topic) -%}
    {%- set raw = adapter.get_relation(database=target.database, schema='raw', identifier=topic) -%}
    {%- if raw is none -%}{%- do return([]) -%}{%- endif -%}
    {%- do return(names_of_columns(raw)) -%}
{%- endmacro %}


{#
    The business columns that the staging view has in the database: {name, data_type, delivered}, as topic_columns gives them.
    Only for dbt's unit tests: they run without the graph that holds the registry, on fixtures with that view's columns.
#}
{% macro staged_columns(topic) -%}
    {%- set query -%}
        select column_name, data_type from duckdb_columns()
        where database_name = current_database() and schema_name = 'staging' and table_name = 'stg_fortress__{{ topic }}'
            and column_name[1] <> '_'
        order by column_index
    {%- endset -%}
    {%- set columns = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do columns.append({'name': row['column_name'], 'data_type': row['data_type'], 'delivered': [row['column_name']]}) -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{%- endmacro %}
