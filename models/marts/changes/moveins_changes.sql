{{ change_log(topic='moveins', rows=ref('stg_fortress__moveins'), files=ref('stg_fortress__files')) }}
