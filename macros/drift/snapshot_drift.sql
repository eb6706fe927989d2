{#
    Where a later snapshot and the record before it differ: one row per record and column (`different`), or per record that the
    feed had never delivered (`missing_in_feed`) or had deleted (`deleted_in_feed`) and the snapshot holds, or that the snapshot
    lacks (`missing_in_snapshot`). What the snapshot cannot have seen is left out, as docs/contract.md, section 4, leaves it alone.

    All of it stands in the change log: a snapshot's row that made a version is one that the feed did not agree with.

    Arguments: snapshots, the name of what later_snapshots gives; log and taken_over, names of what log_entries and taken_over give of
    one topic or of several.
    Example: models/audit/snapshot_drift.sql
#}
{% macro snapshot_drift(snapshots, log, taken_over) -%}
    with lacking as (
        select
            ended.topic,
            ended._organization_id,
            ended.id,
            ended._file_id,
            ended._batch_at
        from (
            select
                known.topic,
                known._organization_id,
                known.id,
                min(snapshots._file_id) as _file_id,
                known.valid_to as _batch_at
            from {{ log }} as known
            inner join {{ snapshots }} as snapshots
                on known.topic = snapshots.topic
                and known._organization_id = snapshots._organization_id
                and known.valid_to = snapshots._batch_at
            where not known.is_deleted
            group by known.topic, known._organization_id, known.id, known.valid_to
        ) as ended
        anti join {{ log }} as next_version
            on ended.topic = next_version.topic
            and ended._organization_id = next_version._organization_id
            and ended.id = next_version.id
            and ended._batch_at = next_version.valid_from
        -- A D that took effect at that very moment is the feed's own word.
        anti join (
            select topic, _organization_id, id, _batch_at as deleted_at from {{ log }} where _op = 'D' and outcome = 'applied'
            union all
            select topic, _organization_id, id, deleted_at from {{ log }} where _op = 'D' and outcome = 'applied'
        ) as deletes
            on ended.topic = deletes.topic
            and ended._organization_id = deletes._organization_id
            and ended.id = deletes.id
            and ended._batch_at = deletes.deleted_at
    ),

    drift as (
        select topic, _organization_id, id, kind, updated_at, _file_id, _row_number, _batch_at, {{ rows_of('columns') }} from {{ taken_over }}
        union all
        select topic, _organization_id, id, 'missing_in_snapshot', null, _file_id, null, _batch_at, null, null, null from lacking
    ),

    brought_later as (
        select distinct drift.topic, drift._organization_id, drift.id, drift.kind, drift._file_id, drift._batch_at
        from drift
        inner join {{ log }} as later
            on drift.topic = later.topic
            and drift._organization_id = later._organization_id
            and drift.id = later.id
            and drift._batch_at <= later._batch_at
        where
            later.outcome <> 'revised'
            and later._file_id not in (select _file_id from {{ snapshots }})
            and case
                when drift.kind = 'missing_in_snapshot' then later._op = 'D'
                else later._op <> 'D' and later.updated_at = drift.updated_at
            end
    )

    select
        drift.topic,
        drift._organization_id,
        drift.id,
        drift.kind,
        drift.column_name,
        drift.feed_value,
        drift.snapshot_value,
        brought_later.id is not null as is_brought_later,
        drift._file_id,
        drift._row_number,
        drift._batch_at
    from drift
    left join brought_later using (topic, _organization_id, id, kind, _file_id, _batch_at)
    where drift.kind <> 'different' or drift.feed_value is distinct from drift.snapshot_value
{%- endmacro %}


{# What of a topic's change log decides which records a snapshot lacks, and what a later file brought: whatever columns it has. #}
{% macro log_entries(topic, changes) -%}
    {%- set names = topic_columns(topic) | map(attribute='name') | list -%}
    select
        '{{ topic }}' as topic,
        _organization_id,
        id,
        valid_from,
        valid_to,
        is_deleted,
        _op,
        outcome,
        _file_id,
        _batch_at,
        {{ column_or_null('updated_at', names) }} as updated_at,
        {{ column_or_null('deleted_at', names) }} as deleted_at
    from {{ changes }}
{%- endmacro %}


{#
    The rows by which later snapshots (a relation named later_snapshots) made a version, each with the columns of it and of the version
    before. What nobody has delivered is null in both, and is not compared: the audit's views are most of what DuckDB reads to open a file.
#}
{% macro taken_over(topic, changes) -%}
    {%- set names = topic_columns(topic) | selectattr('delivered') | map(attribute='name') | list -%}
    {%- set nothing = struct_of({'column_name': 'null::string', 'feed_value': 'null::string', 'snapshot_value': 'null::string'}) -%}
    {%- set compared = [] -%}
    {%- for name in names -%}
        {%- set fields = {'column_name': "'" ~ name | replace("'", "''") ~ "'"} -%}
        {%- do fields.update({'feed_value': 'known.' ~ adapter.quote(name) ~ '::string', 'snapshot_value': 'shown.' ~ adapter.quote(name) ~ '::string'}) -%}
        {%- do compared.append(struct_of(fields)) -%}
    {%- endfor -%}
    select
        '{{ topic }}' as topic,
        shown._organization_id,
        shown.id,
        case
            when known.id is null then 'missing_in_feed'
            when known.valid_to < shown.valid_from then 'deleted_in_feed'
            else 'different'
        end as kind,
        {{ column_or_null('updated_at', names, 'shown.') }} as updated_at,
        shown._file_id,
        shown._row_number,
        shown._batch_at,
        case when known.valid_to = shown.valid_from then {{ list_of(compared or [nothing]) }} else {{ list_of([nothing]) }} end as columns
    from {{ changes }} as shown
    semi join later_snapshots using (_file_id)
    left join {{ changes }} as known
        on shown._organization_id = known._organization_id
        and shown.id = known.id
        and shown.version_number = known.version_number + 1
    where shown.version_number is not null
{%- endmacro %}
