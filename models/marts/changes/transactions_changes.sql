{{ change_log(topic='transactions', rows=ref('stg_fortress__transactions'), files=ref('stg_fortress__files')) }}
