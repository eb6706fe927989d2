{#
    A delivered column's name as the marts spell it: `propertyId` -> `property_id`, `isADA` -> `is_ada`.

    Names that the marts need for themselves get the prefix `delivered_`: a delivered `isDeleted` must not pass for our
    own judgement, nor a `rowid` for the place of a row, which the build and the publishing find rows by. So do names that start with
    an underscore, which marks technical columns.

    Arguments: name, the delivered spelling, any text; or a list of them, for a list: to call a macro takes dbt longer than to spell a name.
#}
{% macro snake_case(name) -%}
    {%- set re, found = modules.re, [] -%}
    {%- set ours = ['valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', 'version_number', 'outcome', 'rowid'] -%}
    {%- for one in ([name] if name is string else name) -%}
        {%- set words = re.sub('([A-Z]+)([A-Z][a-z])', '\\1_\\2', one) -%}
        {%- set words = re.sub('([a-z0-9])([A-Z])', '\\1_\\2', words) -%}
        {%- set spelled = (re.sub('\\W+', '_', words) | lower).rstrip('_') or 'column' -%}
        {%- do found.append('delivered_' ~ spelled if spelled in ours or spelled.startswith('_') else spelled) -%}
    {%- endfor -%}
    {%- do return(found[0] if name is string else found) -%}
{%- endmacro %}
