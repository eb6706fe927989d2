{#
    What became of a topic's records in an interval, since <= changed_at < before. A step of a record's life that changed columns
    has a row for each of them: `column_name`, and what it said before and after, as text. Any other step has one row without a
    `column_name`: the record appeared, it was deleted, or what changed is not in this file.

    `existed_before` and `exists_after` say whether as_of saw the record just before and just after: a soft delete is an update
    that leads from true to false. docs/decisions/0014-changes-as-rows.md.

    Arguments: topic, literal; since and before, moments as ISO 8601 text (no offset: UTC), or SQL expressions.
    Example: `select id, old_value, new_value from ({{ changes_between('leases', '2026-06-01', '2026-06-08') }}) where column_name = 'rent_amount'`
#}
{% macro changes_between(topic, since, before) -%}
    {{ steps_between(ref(topic ~ '_history').include(database=false), as_expression(since), as_expression(before)) }}
{%- endmacro %}


{# The select of changes_between on any history; the published file's table macros are made of it too (loaders/table_macros.py). #}
{% macro steps_between(history, since, before) -%}
    {%- set since, before = utc_moment(since), utc_moment(before) -%}
    {%- set technical = ['valid_from', 'valid_to', 'is_current', 'is_deleted', 'change_type', '_file_id', '_row_number', '_batch_at'] -%}
    {%- set business = '* exclude (_organization_id, id, version_number, ' ~ technical | join(', ') ~ ')' -%}
    with touched as (
        -- Two scans, each with a condition on one column that skips what lies outside; one with an `or` would read every row whole.
        select * from {{ history }} where valid_from >= {{ since }} and valid_from < {{ before }}
        union all
        select * from {{ history }} where valid_to >= {{ since }} and valid_to < {{ before }} and valid_from < {{ since }}
    ),

    -- A version and the one it followed at once. What a hard delete parts is two steps: the old version ends, a new one begins.
    steps as (
        select
            coalesce(new._organization_id, old._organization_id) as _organization_id,
            coalesce(new.id, old.id) as id,
            coalesce(new.valid_from, old.valid_to) as changed_at,
            coalesce(new.change_type, 'delete') as change_type,
            old.version_number as version_before,
            new.version_number as version_after,
            coalesce(not old.is_deleted, false) as existed_before,
            coalesce(not new.is_deleted, false) as exists_after,
            new._file_id,
            new._row_number
        from touched as old
        full join touched as new
            on old._organization_id = new._organization_id
            and old.id = new.id
            and old.version_number + 1 = new.version_number
            and old.valid_to = case when new.change_type <> 'insert' then new.valid_from end
        where coalesce(new.valid_from, old.valid_to) >= {{ since }} and coalesce(new.valid_from, old.valid_to) < {{ before }}
    ),

    -- A version as its changes: in each column null, or what it said before and now. `_none`: a topic may have no column but its key.
    compared as (
        select
            _organization_id,
            id,
            version_number,
            case
                when columns({{ business }})::varchar is distinct from lag(columns({{ business }})::varchar) over record
                    then {'old_value': lag(columns({{ business }})::varchar) over record, 'new_value': columns({{ business }})::varchar}
            end
        from (select *, null as _none from touched)
        semi join (
            select _organization_id, id, unnest([version_before, version_after]) as version_number
            from steps
            where version_before is not null and version_after is not null
        ) as sides using (_organization_id, id, version_number)
        window record as (partition by _organization_id, id order by version_number)
    ),

    differences as (
        select * from compared
        unpivot (difference for column_name in (columns(* exclude (_organization_id, id, version_number))))
    )

    select
        steps._organization_id,
        steps.id,
        steps.changed_at,
        steps.change_type,
        differences.column_name,
        differences.difference.old_value,
        differences.difference.new_value,
        steps.version_before,
        steps.version_after,
        steps.existed_before,
        steps.exists_after,
        steps._file_id,
        steps._row_number
    from steps
    left join differences
        on steps._organization_id = differences._organization_id
        and steps.id = differences.id
        and steps.version_after = differences.version_number
        and steps.version_before is not null
{%- endmacro %}
