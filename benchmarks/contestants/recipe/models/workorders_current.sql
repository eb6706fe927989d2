select * exclude (is_gone) from {{ ref('workorders') }} where not is_gone and deleted_at is null
