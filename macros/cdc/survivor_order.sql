{#
    The order in which one id's rows of one batch compete: the first survives. docs/contract.md, section 3.

    Arguments: resolution, one of
        precedence    deletes are applied first, then updates, then inserts: the last I, else the last U, else the last D
        row_order     the last row of the file
        newest_image  exists as under precedence; the image is the I or U row with the greatest updated_at
    In a snapshot every row is a put and the last one counts, whatever the resolution.

    Returns the expressions of an `order by`, over columns _op, updated_at, kind, file_name and _row_number.
    Example: `row_number() over (partition by id order by {{ survivor_order('precedence') }}) = 1`
#}
{% macro survivor_order(resolution) -%}
    {{ survivor_keys(resolution) | join(' desc nulls last, ') }} desc nulls last
{%- endmacro %}


{# The same as a list of SQL expressions: the greatest survives, by the first that differs. #}
{% macro survivor_keys(resolution) -%}
    {%- set by_operation = "case when kind = 'snapshot' then 0 when _op = 'I' then 3 when _op = 'U' then 2 else 1 end" -%}
    {%- set by_existence = "not (kind = 'change' and _op = 'D')" -%}
    {%- set by_image = "case when kind = 'change' and _op in ('I', 'U') then updated_at end" -%}
    {%- set last_row = ["case when kind = 'snapshot' then file_name end", '_row_number'] -%}
    {%- if resolution == 'precedence' -%}{%- do return([by_operation] + last_row) -%}
    {%- elif resolution == 'row_order' -%}{%- do return(last_row) -%}
    {%- elif resolution == 'newest_image' -%}{%- do return([by_existence, by_image, by_operation] + last_row) -%}
    {%- endif -%}
    {%- do exceptions.raise_compiler_error("cdc_resolution is '" ~ resolution ~ "'. Use precedence, row_order or newest_image.") -%}
{%- endmacro %}


{# The resolution in force for a topic: its own from `cdc_resolution_by_topic`, else `cdc_resolution`. #}
{% macro resolution_of(topic) -%}
    {%- for named in var('cdc_resolution_by_topic', {}) if execute and graph.get('sources') -%}
        {%- do registry_columns(named) -%} {#- stops at a name that is no topic's: a typing error would have no effect -#}
    {%- endfor -%}
    {%- do return(var('cdc_resolution_by_topic', {}).get(topic, var('cdc_resolution', 'precedence'))) -%}
{%- endmacro %}
