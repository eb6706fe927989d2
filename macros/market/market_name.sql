{#
    A market header as the marts spell it: snake case, with `%` as `pct` and "per square foot" as `psf`.

    Names that the marts make themselves get the prefix `delivered_`.

    Arguments: header, the delivered spelling. Example: `market_name('Exposure % (Next 30d)')` -> `exposure_pct_next_30d`.
#}
{% macro market_name(header) -%}
    {%- set words = modules.re.sub('(?i)(\\s*/\\s*|\\bper[ _]+)sq(uare)?[. _]*(ft|feet|foot)\\b[.]?', ' psf', header) -%}
    {%- set name = snake_case(words.replace('%', ' pct ').strip(' ()')) -%}
    {%- set ours = ['plan_key', 'is_date_available_odd'] -%}
    {%- do return('delivered_' ~ name if name in ours else name) -%}
{%- endmacro %}
