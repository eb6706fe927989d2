{#
    The type that the vendor's naming rules give a column: docs/contract.md, section 6.

    Arguments: name, in snake_case. Example: `type_by_name('due_date')` -> `date`.
#}
{% macro type_by_name(name) -%}
    {%- set re = modules.re -%}
    {%- if re.search('_at$', name) -%}{%- do return('timestamp') -%}
    {%- elif re.search('_date$', name) -%}{%- do return('date') -%}
    {%- elif re.search('^(is|has)_', name) -%}{%- do return('boolean') -%}
    {%- elif re.search('(^|_)amount(_|$)', name) -%}{%- do return('decimal(18,6)') -%}
    {%- endif -%}
    {%- do return('text') -%}
{%- endmacro %}
