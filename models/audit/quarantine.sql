select
    _file_id,
    organization_id,
    topic,
    file_name,
    status,
    reason,
    remote_mtime,
    loaded_at
from {{ ref('files').include(database=false) }}
where status in ('quarantined', 'held')
