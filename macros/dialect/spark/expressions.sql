{# Spark's own of the macros in the folder above, which say what each is. Needs timestamps without a zone, in UTC: profiles.yml. #}
{% macro spark__quoted(name) -%}`{{ name | replace('`', '``') }}`{%- endmacro %}
{% macro spark__full_match(value, pattern) -%}{{ value }} rlike r'^(?:{{ pattern }})\z'{%- endmacro %}
{% macro spark__end_of_time() -%}timestamp'9999-12-31 23:59:59.999999'{%- endmacro %}
{% macro spark__microseconds_of(timestamp) -%}unix_micros(cast({{ timestamp }} as timestamp_ltz)){%- endmacro %}
{% macro spark__interval_of(number) -%}make_dt_interval(0, 0, 0, cast({{ number }} / 1000000 as decimal(18, 6))){%- endmacro %}
{% macro spark__median_of(value) -%}percentile_disc(0.5) within group (order by {{ value }}){%- endmacro %}
{% macro spark__first_by(value, keys) -%}max_by({{ value }}, struct({{ keys | join(', ') }})){%- endmacro %}
{% macro spark__list_of(items) -%}array({{ items | join(', ') }}){%- endmacro %}
{% macro spark__those_with(list, field) -%}filter({{ list }}, item -> item.{{ field }} is not null){%- endmacro %}
{% macro spark__row_as_text(alias) -%}to_json(struct({{ alias }}.*)){%- endmacro %}
{% macro spark__rows_of(list) -%}inline({{ list }}){%- endmacro %}

{% macro spark__struct_of(fields) -%}
    named_struct({% for name, value in fields.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# The hash of Spark passes a null over: that a value is null has to be said. #}
{% macro spark__image_hash(values) -%}
    xxhash64({% for value in values %}{{ value }} is null, {{ value }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# Spark writes an expression out again wherever it is read, unless its rows might be others each time. #}
{% macro spark__not_materialized() -%}{%- endmacro %}
{% macro spark__worked_out_once(before) %} {{ before }} rand() >= 0{%- endmacro %}
