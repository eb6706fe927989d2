{#
    A topic's change log, the one table its history and current state are read from: every row ever delivered, typed, with
    its outcome and, where it made a version of its record, that version. docs/contract.md, sections 2 to 5.

    Incrementally, the records that new files touch are resolved anew from all their rows, old ones read back from the log
    itself, and what comes out otherwise takes the place of what the log held: late files, revisions and new snapshots need no path
    of their own.

    Arguments: topic, literal; rows, the topic's staging model; files, the staged ledger.
    Example: `{{ change_log(topic='units', rows=ref('stg_fortress__units'), files=ref('stg_fortress__files')) }}`
#}
{% macro change_log(topic, rows, files) -%}
    {%- set columns = topic_columns(topic) -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set resolution = resolution_of(topic) -%}
    {%- set known %}files as (
        select * from {{ files }} where topic = '{{ topic }}' {{- worked_out_once('and') }}
    )
    {%- endset -%}
    with {{ known }},

    {% if goes_on() -%}
    {{ rows_of_touched_records(columns, rows, resolution, known) }},
    {%- else -%}
    {{ cut() }}
    delivered as {{ not_materialized() }} (
        select *, {{ image_of(columns) }} as _image from {{ rows }}
    ),

    {{ cut() }}
    {%- endif %}
    -- Narrow from here to the end, where the wide rows are joined back: an image is compared by its hash.
    placed as (
        select
            delivered._organization_id,
            delivered.id,
            delivered._file_id,
            delivered._row_number,
            delivered._op,
            {{ column_or_null('created_at', names, 'delivered.') }} as created_at,
            {{ column_or_null('updated_at', names, 'delivered.') }} as updated_at,
            {{ column_or_null('deleted_at', names, 'delivered.') }} as deleted_at,
            delivered._image as image,
            files.file_name,
            files.kind,
            files._batch_at,
            files.batch_order,
            files.is_first_snapshot,
            files.is_counting
        from delivered
        inner join files using (_file_id)
        {{- worked_out_once() }}
    ),

    {% if not goes_on() -%}
    {{ cut() }}
    snapshot_rows as {{ not_materialized() }} (
        select _file_id, updated_at from placed
    ),

    {{ cut() }}
    {%- endif %}
    -- Section 3: at most one result for an id in a batch.
    survivors as (
        select
            *,
            kind = 'snapshot' or _op <> 'D' as is_put,
            bool_or(kind = 'change' and _op = 'D') over (partition by _organization_id, id, batch_order) as batch_has_delete
        from placed
        where is_counting
        qualify row_number() over (partition by _organization_id, id, batch_order order by {{ survivor_order(resolution) }}) = 1
    ),

    disagreements as (
        select
            _organization_id,
            id,
            batch_order
        from (
            select * from placed
            where is_counting and kind = 'change'
            qualify count(*) over (partition by _organization_id, id, batch_order) > 1
        )
        group by _organization_id, id, batch_order
        having not (
            {{ surviving_image('precedence') }} is not distinct from {{ surviving_image('row_order') }}
            and {{ surviving_image('precedence') }} is not distinct from {{ surviving_image('newest_image') }}
        )
    ),

    -- Section 4: a later snapshot deletes what it lacks.
    {{ absences() }},

    results as (
        select
            _organization_id,
            id,
            _file_id,
            _row_number,
            kind,
            _batch_at,
            batch_order,
            is_first_snapshot,
            is_put,
            case when is_put then image end as image,
            case when is_put then coalesce(updated_at, created_at) else deleted_at end as event_at,
            is_put and deleted_at is not null as is_soft_deleted,
            batch_has_delete
        from survivors
        union all
        select
            _organization_id,
            id,
            null as _file_id,
            null as _row_number,
            'snapshot' as kind,
            _batch_at,
            batch_order,
            false as is_first_snapshot,
            false as is_put,
            null as image,
            null as event_at,
            false as is_soft_deleted,
            false as batch_has_delete
        from absences
    ),

    -- ... but leaves alone what a change file touched after the snapshot's high-water mark: it cannot have seen that.
    judged as (
        select
            results.*,
            coalesce(
                max(case when results.kind = 'change' then results._batch_at end) over (
                    partition by results._organization_id, results.id order by results.batch_order
                    rows between unbounded preceding and 1 preceding
                ) > later_snapshots.high_water_mark,
                false
            ) as is_stale
        from results
        left join later_snapshots using (_organization_id, batch_order)
        {{- worked_out_once() }}
    ),

    {{ record_steps() }},

    fates as (
        select
            placed._file_id,
            placed._row_number,
            placed._batch_at,
            placed.image,
            case
                when not placed.is_counting then 'revised'
                when judged._file_id is null then 'superseded_in_batch'
                when judged.is_stale then 'stale_snapshot'
                when steps._file_id is null then 'no_effect'
                else 'applied'
            end as outcome,
            steps.valid_from,
            steps.valid_to,
            case when steps.version_number is not null then steps.valid_to is null end as is_current,
            steps.is_soft_deleted as is_deleted,
            steps.change_type,
            steps.version_number,
            disagreements.id is not null as _rules_disagree
        from placed
        left join judged using (_file_id, _row_number)
        left join steps using (_file_id, _row_number)
        left join disagreements
            on placed._organization_id = disagreements._organization_id
            and placed.id = disagreements.id
            and placed.batch_order = disagreements.batch_order
            and placed.kind = 'change'
            and placed.is_counting
    )

    {{ cut() }}
    select
        {%- for column in columns if is_stored(column) %}
        delivered.{{ adapter.quote(column.name) }},
        {%- endfor %}
        delivered._organization_id,
        delivered._file_id,
        delivered._row_number,
        delivered._op,
        fates._batch_at,
        fates.outcome,
        fates.valid_from,
        fates.valid_to,
        fates.is_current,
        fates.is_deleted,
        fates.change_type,
        fates.version_number,
        fates._rules_disagree,
        delivered._cast_failures,
        '{{ resolution }}' as _resolution,
        (select max(_file_id) from files) as _newest_file_id,
        fates.image as _image
        {{- bucket_column('delivered.') }}
    from delivered
    inner join fates using (_file_id, _row_number)
    {%- if is_incremental() %}
    {{ unless_it_stands(resolution) }}
    {%- endif %}
{%- endmacro %}


{# A column by name, or a null timestamp where the topic has none. #}
{% macro column_or_null(name, names, prefix='') -%}
    {{ prefix ~ adapter.quote(name) if name in names else 'null::timestamp' }}
{%- endmacro %}


{# Within a batch's rows of one id: the image that a resolution would keep, null where it would keep a delete. #}
{% macro surviving_image(resolution) -%}
    {{ first_by("case when _op <> 'D' then image end", survivor_keys(resolution)) }}
{%- endmacro %}
