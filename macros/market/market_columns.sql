{#
    A report's columns: the expected ones in the order of the table of known names (_market__sources.yml), then what else was delivered.

    Returns a list of {name, data_type, share, delivered}: the raw columns that spell it, best first; none where nothing was delivered yet.
    Empty while parsing.

    Arguments: report, `property`, `units` or `floorplans`. Example: `{% for column in market_columns('units') %}`
#}
{% macro market_columns(report) -%}
    {%- if not execute -%}{%- do return([]) -%}{%- endif -%}
    {%- set columns, known = {}, {} -%}
    {%- for column in market_registry('market_' ~ report) if not column.name.startswith('_') -%}
        {%- set meta = column.config.meta -%}
        {%- do columns.update({column.name: {'name': column.name, 'data_type': column.data_type, 'share': meta.get('share'), 'delivered': []}}) -%}
        {%- for alias in [column.name] + meta.get('aliases', []) if market_key(alias) not in known or loop.first -%}
            {%- do known.update({market_key(alias): (column.name, loop.index)}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for raw_name in raw_columns('market_' ~ report) if raw_name not in ['_job_id', '_row_number'] -%}
        {%- set name = market_name(raw_name) -%}
        {%- set target, rank = known.get(market_key(raw_name), (name, 1)) -%}
        {%- do found.append((rank, raw_name, target)) -%}
    {%- endfor -%}
    {%- for rank, raw_name, target in found | sort -%}
        {%- if target not in columns -%}
            {%- do columns.update({target: {'name': target, 'data_type': 'text', 'share': none, 'delivered': []}}) -%}
        {%- endif -%}
        {%- do columns[target].delivered.append(raw_name) -%}
    {%- endfor -%}
    {%- do return(columns.values() | list) -%}
{%- endmacro %}


{# The entries of one table of the source `market`. #}
{% macro market_registry(table) -%}
    {%- for source in graph.sources.values() if source.source_name == 'market' and source.name == table -%}
        {%- do return(source.columns.values() | list) -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error("market_columns: _market__sources.yml has no table '" ~ table ~ "'.") -%}
{%- endmacro %}
