{#
    A delivered column's name as the marts spell it: `propertyId` -> `property_id`, `isADA` -> `is_ada`.

    Names that the marts need for themselves get the prefix `delivered_`: a delivered `isDeleted` must not pass for our
    own judgement, nor a `rowid` for the place of a row, which the build and the publishing find rows by. So do names that start with
    an underscore, which marks technical columns.

    Arguments: name, the delivered spelling, any text.
#}
{% macro snake_case(name) -%}
    {%- set re = modules.re -%}
    {%- set words = re.sub('([A-Z]+)([A-Z][a-z])', '\\1_\\2', name) -%}
    {%- set words = re.sub('([a-z0-9])([A-Z])', '\\1_\\2', words) -%}
    {%- set spelled = re.sub('\\W+', '_', words) | lower -%}
    {%- set spelled = spelled.rstrip('_') or 'column' -%}
    {%- set ours = ['valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', 'version_number', 'outcome', 'rowid'] -%}
    {%- do return('delivered_' ~ spelled if spelled in ours or spelled.startswith('_') else spelled) -%}
{%- endmacro %}
