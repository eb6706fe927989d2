{#
    One row per reference of a topic's current records that leads to no current record of the same organization; `was_deleted` says
    whether the other topic has known the record. A null or an empty key refers to nothing.

    One hash anti join per column; what comes after touches only what that leaves. A target that was not built yet is passed over. No references: no rows.

    Arguments: topic, literal; model, `ref` of its current state; references, a list of {column, target}: the name in snake_case and
    the `ref` of the current state it leads to; by default those that the registry names.
    Example: `{{ dangling_references(topic='leases', model=ref('leases'), references=[{'column': 'unit_id', 'target': ref('units')}]) }}`
#}
{% macro dangling_references(topic, model, references=none) -%}
    {%- set references, listed = [], references_of(topic) if references is none else references -%}
    {%- for reference in listed if load_relation(reference.target) -%}{%- do references.append(reference) -%}{%- endfor -%}
    with dangling as (
        select
            null::string as topic, null::string as _organization_id, null::string as id, null::string as column_name, null::string as key,
            null::string as target, null::bigint as _file_id, null::bigint as _row_number, null::timestamp as _batch_at
        where false
        {%- for reference in references %}
        {%- set key = 'referring.' ~ adapter.quote(reference.column) %}
        union all
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
    ),

    known as (
        select null::string as target, null::string as _organization_id, null::string as key where false
        {%- for target in references | map(attribute='target') | unique %}
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
