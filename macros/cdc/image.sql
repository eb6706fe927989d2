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
    Whether the images and the buckets that a change log holds are what they would be anew, so that new ones may be compared with them.
    Images are not once a column was added, and neither with an engine whose hash has changed: one row tells.

    Arguments: log, a relation; columns, of topic_columns.
#}
{% macro hashes_stand(log, columns) -%}
    {%- if log is string -%}{%- do return(false) -%}{%- endif -%} {#- a fixture's name, in dbt's unit tests -#}
    {%- set held = adapter.get_columns_in_relation(log) | map(attribute='name') | list -%}
    {%- for name in ['_image', '_bucket'] + columns | map(attribute='name') | list if name not in held -%}{%- do return(false) -%}{%- endfor -%}
    {%- set are_right = '_image is not distinct from ' ~ image_of(columns) ~ ' and _bucket is not distinct from ' ~ bucket_of() -%}
    {%- set one = run_query('select ' ~ are_right ~ ' from ' ~ log ~ ' limit 1') -%}
    {%- do return(one.rows | length == 0 or one.rows[0][0]) -%}
{%- endmacro %}
