{#
    Schemas are named as the models say: `marts`, not `main_marts`.

    Overrides dbt's own macro, which prefixes the target's schema: analysts, the loader and the published file rely on
    the names raw, staging, marts and audit.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
