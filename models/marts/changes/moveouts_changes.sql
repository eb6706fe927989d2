{{ change_log(topic='moveouts', rows=ref('stg_fortress__moveouts'), files=ref('stg_fortress__files')) }}
