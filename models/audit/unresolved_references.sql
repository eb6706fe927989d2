with dangling as (
    select * from ({{ union_of_topics(dangling_references, suffix='') }})
)

select
    topic,
    _organization_id,
    column_name,
    target,
    kind,
    count(*) as records,
    count(distinct key) as keys,
    min(id) as example_id,
    min_by(key, id) as example_key
from ({{ why_unresolved(dangling='dangling', files=ref('files').include(database=false)) }})
group by all
