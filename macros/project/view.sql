{#
    How a view is built: replaced in one statement.

    Overrides dbt-duckdb's own, which creates the view under another name, renames the old one, renames the new one and drops
    the old one. DuckDB replaces a view at once, and most of this project's models are views: a third of a first build was that.
#}
{% materialization view, adapter='duckdb' %}
    {%- set present = load_cached_relation(this) -%}
    {%- set view = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if present is not none and not present.is_view -%}
        {%- do adapter.drop_relation(present) -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {{ get_create_view_as_sql(view, sql) | replace('create view', 'create or replace view', 1) }}
    {%- endcall -%}
    {%- do persist_docs(view, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [view]}) }}
{% endmaterialization %}
