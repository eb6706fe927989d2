{{ change_log(topic='properties', rows=ref('stg_fortress__properties'), files=ref('stg_fortress__files')) }}
