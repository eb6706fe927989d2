{{ change_log(topic='customers', rows=ref('stg_fortress__customers'), files=ref('stg_fortress__files')) }}
