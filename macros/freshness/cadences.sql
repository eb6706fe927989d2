{#
    The rhythm in which each topic of each organization is delivered, learned from the names of its files: one row for each that
    was ever delivered. docs/decisions/0015-freshness.md.

    Deliveries are change files, whatever became of them; without any (full-load mode), snapshots. Files that come close together
    are one delivery: closer than half of the long interval, which is the shortest such that intervals up to it fill half of the
    feed's time. The cadence is the median interval between deliveries, provided that at least three of them, and two thirds of
    all, are within a quarter of it. Otherwise it is unknown: null, and so are its gaps.

    Arguments: files, `ref` of audit.files.
    Example: `select organization_id, topic, cadence from ({{ cadences(files=ref('files')) }})`
#}
{% macro cadences(files) -%}
    with named as (
        select distinct
            organization_id,
            topic,
            batch_at
        from {{ files }}
        qualify kind = 'change' or count(*) filter (where kind = 'change') over (partition by organization_id, topic) = 0
    ),

    apart as (
        select
            *,
            max(batch_at) over (partition by organization_id, topic) as last_delivery_at,
            lag(batch_at) over feed as previous_at,
            {{ microseconds_of('batch_at') }} - {{ microseconds_of('lag(batch_at) over feed') }} as microseconds
        from named
        window feed as (partition by organization_id, topic order by batch_at)
    ),

    long_intervals as (
        select
            organization_id,
            topic,
            min(microseconds) as long_interval
        from (
            select * from apart
            qualify
                2 * sum(microseconds) over (partition by organization_id, topic order by microseconds)
                >= sum(microseconds) over (partition by organization_id, topic)
        )
        group by organization_id, topic
    ),

    deliveries as (
        select
            *,
            {{ microseconds_of('batch_at') }} - {{ microseconds_of('lag(batch_at) over (partition by organization_id, topic order by batch_at)') }} as since_last
        from apart
        left join long_intervals using (organization_id, topic)
        where microseconds is null or 2 * microseconds >= long_interval
    ),

    measured as (
        select
            *,
            {{ median_of('since_last') }} over (partition by organization_id, topic) as usual
        from deliveries
    ),

    learned as (
        select
            organization_id,
            topic,
            any_value(last_delivery_at) as last_delivery_at,
            any_value(usual) as usual,
            count(*) filter (where 4 * abs(since_last - usual) <= usual) >= greatest(3, count(since_last) * 2 / 3) as is_regular,
            count(*) filter (where 2 * since_last > 3 * usual) as gaps,
            coalesce(sum(round(since_last / usual) - 1) filter (where 2 * since_last > 3 * usual), 0)::bigint as missing_deliveries,
            max(previous_at) filter (where 2 * since_last > 3 * usual) as latest_gap_from,
            max(batch_at) filter (where 2 * since_last > 3 * usual) as latest_gap_to
        from measured
        group by organization_id, topic
    )

    select
        organization_id,
        topic,
        last_delivery_at,
        case when is_regular then {{ interval_of('usual') }} end as cadence,
        case when is_regular then gaps end as gaps,
        case when is_regular then missing_deliveries end as missing_deliveries,
        case when is_regular then latest_gap_from end as latest_gap_from,
        case when is_regular then latest_gap_to end as latest_gap_to
    from learned
{%- endmacro %}
