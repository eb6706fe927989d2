with later_snapshots as (
    {{ later_snapshots(files=ref('files').include(database=false)) }}
)

select * from (
    {{ union_of_topics(snapshot_drift) }}
)
