{{ change_log(topic='maintenancelocations', rows=ref('stg_fortress__maintenancelocations'), files=ref('stg_fortress__files')) }}
