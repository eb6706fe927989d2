{#
    A row's image, as far as comparing goes: a number that differs when a delivered value does. docs/contract.md, section 4.

    Arguments: columns, of topic_columns. Example: `select {{ image_of(columns) }} as _image from {{ rows }}`
#}
{% macro image_of(columns) -%}
    {%- set values = [] -%}
    {%- for column in columns -%}{%- do values.append(adapter.quote(column.name)) -%}{%- endfor -%}
    {{ image_hash(values) }}
{%- endmacro %}


{#
    Whether the images that a change log holds are what they would be anew, so that new ones may be compared with them. They are not once
    a column was added, nor with an engine whose hash has changed: one row tells.

    Arguments: log, a relation; columns, of topic_columns.
#}
{% macro images_stand(log, columns) -%}
    {%- set held = adapter.get_columns_in_relation(log) | map(attribute='name') | list -%}
    {%- for name in ['_image'] + columns | map(attribute='name') | list if name not in held -%}{%- do return(false) -%}{%- endfor -%}
    {%- set one = run_query('select _image is not distinct from ' ~ image_of(columns) ~ ' from ' ~ log ~ ' limit 1') -%}
    {%- do return(one.rows | length == 0 or one.rows[0][0]) -%}
{%- endmacro %}
