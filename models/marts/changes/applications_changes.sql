{{ change_log(topic='applications', rows=ref('stg_fortress__applications'), files=ref('stg_fortress__files')) }}
