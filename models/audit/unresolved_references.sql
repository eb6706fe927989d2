{%- set targets = [] -%}
{%- for topic in modelled_topics() -%}
    {%- do targets.extend(built_references(references_of(topic)) | map(attribute='target')) -%}
{%- endfor -%}
with dangling as (
    {{ dangling_references(keys=union_of_topics(dangling_keys, suffix=''), targets=targets) }}
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
