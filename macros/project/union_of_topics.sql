{#
    One select over every topic that has marts: what `part` gives for each, one below the other.

    Topics that were not built yet, or of which `part` says nothing, are left out, so that a single topic can be built on an empty
    warehouse. The model is built again with each topic that it reads, and so takes a new one in as soon as it is there.

    Arguments: part, a macro whose first two arguments are the topic and one of its models; suffix, which model: `_changes`,
    `_history` or `` for the current state. Example: `{{ union_of_topics(cast_failures) }}`
#}
{% macro union_of_topics(part, suffix='_changes') -%}
    {%- set built, parts = [], [] -%}
    {%- for topic in modelled_topics() -%}
        {%- set model = ref(topic ~ suffix) -%}
        {%- if execute and (load_relation(model) or loop.last and not built) -%}
            {%- do built.append(topic) -%}
            {%- set query = part(topic, model.include(database=false)) | trim -%}
            {%- do parts.append('select * from (\n' ~ query ~ '\n)') if query -%}
        {%- endif -%}
    {%- endfor -%}
    {{ parts | join('\n    union all\n') }}
{%- endmacro %}
