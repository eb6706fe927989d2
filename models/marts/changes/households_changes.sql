{{ change_log(topic='households', rows=ref('stg_fortress__households'), files=ref('stg_fortress__files')) }}
