{#
    Dangling references, each with why it leads to no current record. docs/decisions/0016-references.md.

        deleted          the other topic knows the record: it was deleted there, hard or soft
        not_arrived_yet  the other topic is not complete up to the batch that brought the referring row, or was never delivered
        missing          the other topic is complete up to then, and never had the record

    Arguments: dangling, a relation as dangling_references gives it; files, the ledger.
    Example: `select * from ({{ why_unresolved(dangling='dangling', files=ref('files')) }}) where kind = 'missing'`
#}
{% macro why_unresolved(dangling, files) -%}
    select
        dangling.topic,
        dangling._organization_id,
        dangling.id,
        dangling.column_name,
        dangling.key,
        dangling.target,
        dangling._file_id,
        dangling._row_number,
        dangling._batch_at,
        case
            when dangling.was_deleted then 'deleted'
            when watermarks.complete_until >= dangling._batch_at then 'missing'
            else 'not_arrived_yet'
        end as kind
    from {{ dangling }} as dangling
    left join ({{ watermarks(files) }}) as watermarks
        on dangling._organization_id = watermarks.organization_id and dangling.target = watermarks.topic
{%- endmacro %}
