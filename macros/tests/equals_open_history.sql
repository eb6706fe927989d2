{#
    Fails with every record that is current and has no open, undeleted version in the history with the same image, or the
    other way round. docs/contract.md, section 5: the history as of now equals current.

    Arguments: history, `ref` of the topic's history; columns, the names of all that current has, looked up unless they are given.
#}
{% test equals_open_history(model, history, columns=none) %}
    {%- set names = columns or adapter.get_columns_in_relation(model) | map(attribute='name') | list -%}
    {%- set columns = [] -%}
    {%- for name in names -%}{%- do columns.append(adapter.quote(name)) -%}{%- endfor %}
    select
        coalesce(current._organization_id, open_version._organization_id) as _organization_id,
        coalesce(current.id, open_version.id) as id,
        case
            when open_version.id is null then 'current, and not in history'
            when current.id is null then 'open in history, and not current'
            else 'not the same image'
        end as fault
    from (select _organization_id, id, {{ image_hash(columns) }} as image from {{ model }}) as current
    full join (
        select _organization_id, id, {{ image_hash(columns) }} as image from {{ history }} where valid_to is null and not is_deleted
    ) as open_version
        on current._organization_id = open_version._organization_id and current.id = open_version.id
    where current.image is distinct from open_version.image
{% endtest %}
