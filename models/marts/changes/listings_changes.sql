{{ change_log(topic='listings', rows=ref('stg_fortress__listings'), files=ref('stg_fortress__files')) }}
