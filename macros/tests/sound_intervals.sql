{#
    Fails with every version of a history whose interval contradicts its neighbour's: docs/contract.md, sections 4 and 5.

    Versions are numbered without holes, start in strict order, do not overlap, and leave no gap before an update or a
    replacement, which by definition follow a version that was in force. Only where two batches share one instant may a
    version be as short as nothing.
#}
{% test sound_intervals(model) %}
    with neighbours as (
        select
            _organization_id,
            id,
            version_number,
            valid_from,
            valid_to,
            change_type,
            _batch_at,
            lag(version_number) over record as previous_number,
            lag(valid_from) over record as previous_from,
            lag(valid_to) over record as previous_to
        from {{ model }}
        window record as (partition by _organization_id, id order by version_number)
    ),

    judged as (
        select
            *,
            case
                when valid_from is null then 'starts at no time'
                when valid_to < valid_from then 'ends before it starts'
                when valid_to = valid_from and valid_from <> _batch_at then 'is as short as nothing, though no batch shares its instant'
                when version_number <> coalesce(previous_number, 0) + 1 then 'is not the next number'
                when previous_number is not null and previous_to is null then 'follows an open version'
                when previous_to > valid_from then 'overlaps the version before'
                when change_type in ('update', 'replace') and previous_to is distinct from valid_from then 'leaves a gap, though it changes a version in force'
            end as fault
        from neighbours
    )

    select * from judged
    where fault is not null
{% endtest %}
