{#
    A name or an address as it is compared: lower case, without punctuation and without the words that any of them may have.

    Arguments: value, an SQL expression of type text. Example: `comparable_text("'The Oaks, Apartments'")` -> `oaks`.
#}
{% macro comparable_text(value) -%}
    nullif(trim(regexp_replace(regexp_replace(regexp_replace(lower({{ value }}), '[^a-z0-9]+', ' ', 'g'),
        '\b(the|at|of|on|apartments?|apts?|homes|residences?|llc|lp|inc)\b', ' ', 'g'), '\s+', ' ', 'g')), '')
{%- endmacro %}
