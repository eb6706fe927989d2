with dangling as (
    {% for topic in ['activities', 'customers', 'leases', 'transactions', 'units', 'workorders'] %}
    select * from ({{ dangling_references(topic=topic, model=ref(topic).include(database=false), references=references_of(topic)) }})
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
    arg_min(key, id) as example_key
from ({{ why_unresolved(dangling='dangling', files=ref('files').include(database=false)) }})
group by all
