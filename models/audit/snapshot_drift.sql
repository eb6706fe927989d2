with later_snapshots as (
    {{ later_snapshots(files=ref('files').include(database=false)) }}
),

log as {{ not_materialized() }} (
    {{ union_of_topics(log_entries) }}
),

taken_over as (
    {{ union_of_topics(taken_over) }}
)

select * from (
    {{ snapshot_drift(snapshots='later_snapshots', log='log', taken_over='taken_over') }}
)
