{{ change_log(topic='activities', rows=ref('stg_fortress__activities'), files=ref('stg_fortress__files')) }}
