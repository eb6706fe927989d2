{#
    One row per reference that leads to no current record of the same organization; `was_deleted` says whether the other topic has known
    the record.

    One hash anti join per column; what comes after touches only what that leaves.

    Arguments: keys, what dangling_keys gives of one topic or of several; targets, the current states that they may lead to.
    Example: models/audit/unresolved_references.sql
#}
{% macro dangling_references(keys, targets) -%}
    with dangling as (
        select
            null::string as topic, null::string as _organization_id, null::string as id, null::string as column_name, null::string as key,
            null::string as target, null::bigint as _file_id, null::bigint as _row_number, null::timestamp as _batch_at
        where false
        {%- if keys | trim %}
        union all
        {{ keys }}
        {%- endif %}
    ),

    known as (
        select null::string as target, null::string as _organization_id, null::string as key where false
        {%- for target in targets | unique %}
        union
        select '{{ target.identifier }}', history._organization_id, history.id
        from {{ target.incorporate(path={'identifier': target.identifier ~ '_history'}) }} as history
        semi join dangling
            on dangling.target = '{{ target.identifier }}'
            and history._organization_id = dangling._organization_id
            and history.id = dangling.key
        {%- endfor %}
    )

    select
        dangling.*,
        known.key is not null as was_deleted
    from dangling
    left join known using (target, _organization_id, key)
{%- endmacro %}


{#
    One row per reference of a topic's current records that leads to no current record of the same organization. A null or an empty key
    refers to nothing. Nothing at all where there are no references.

    Arguments: topic, literal; model, `ref` of its current state; references, a list of {column, target}: the name in snake_case and
    the `ref` of the current state it leads to; by default those that the registry names.
    Example: `{{ dangling_keys(topic='leases', model=ref('leases'), references=[{'column': 'unit_id', 'target': ref('units')}]) }}`
#}
{% macro dangling_keys(topic, model, references=none) -%}
    {%- for reference in built_references(references_of(topic) if references is none else references) %}
        {%- set key = 'referring.' ~ adapter.quote(reference.column) %}
        {%- if not loop.first %}
        union all
        {% endif %}
        select
            '{{ topic }}',
            referring._organization_id,
            referring.id,
            '{{ reference.column }}',
            {{ key }},
            '{{ reference.target.identifier }}',
            referring._file_id,
            referring._row_number,
            referring._batch_at
        from {{ model }} as referring
        anti join {{ reference.target }} as target
            on referring._organization_id = target._organization_id and {{ key }} = target.id
        where {{ key }} <> ''
    {%- endfor %}
{%- endmacro %}


{# Those of some references whose target was built: the others are passed over. #}
{% macro built_references(references) -%}
    {%- set found = [] -%}
    {%- for reference in references if load_relation(reference.target) -%}{%- do found.append(reference) -%}{%- endfor -%}
    {%- do return(found) -%}
{%- endmacro %}
