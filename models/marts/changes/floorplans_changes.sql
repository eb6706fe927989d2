{{ change_log(topic='floorplans', rows=ref('stg_fortress__floorplans'), files=ref('stg_fortress__files')) }}
