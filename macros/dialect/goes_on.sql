{#
    Whether a build goes on from what the change log holds; and the note, in a hook before it, for an engine that replaces the log's parts
    one after the other: killed in between, it would go on from half a log. DuckDB commits a log whole, and notes nothing.

    Arguments: log, `this`. Example: `{% if goes_on() %}...{% endif %}`
#}
{% macro goes_on() -%}
    {%- do return(adapter.dispatch('goes_on')()) -%}
{%- endmacro %}


{% macro default__goes_on() -%}
    {%- do return(is_incremental()) -%}
{%- endmacro %}


{% macro note_begun(log) -%}
    {{ adapter.dispatch('note_begun')(log) }}
{%- endmacro %}


{% macro default__note_begun(log) -%}{%- endmacro %}
