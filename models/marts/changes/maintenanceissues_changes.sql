{{ change_log(topic='maintenanceissues', rows=ref('stg_fortress__maintenanceissues'), files=ref('stg_fortress__files')) }}
