{#
    A number of 64 bits that tells images apart: the same for the same typed values, null among them.

    Arguments: values, a list of SQL expressions.
    Example: `{{ image_hash(['"id"', '"status"']) }}` -> `hash("id", "status")`.
#}
{% macro image_hash(values) -%}
    {{ adapter.dispatch('image_hash')(values) }}
{%- endmacro %}


{% macro default__image_hash(values) -%}
    hash({{ values | join(', ') }})
{%- endmacro %}
