{#
    A market header as it is looked up among the known names: nothing is left of it but letters and digits, and words that mean the
    same are one. So `exposurePctNext30d`, `Exposure % (Next 30 Days)` and `exposure_percent_next_30d` are one name.

    Arguments: header, the delivered spelling. Example: `market_key('Average Square Feet')` -> `avgsqft`.
#}
{% macro market_key(header) -%}
    {%- set found = namespace(text=market_name(header) | replace('_', '')) -%}
    {%- for words, word in [('percentage|percent', 'pct'), ('average', 'avg'), ('squarefeet|squarefoot', 'sqft'), ('([0-9])days?', '\\1d')] -%}
        {%- set found.text = modules.re.sub(words, word, found.text) -%}
    {%- endfor -%}
    {%- do return(found.text) -%}
{%- endmacro %}
