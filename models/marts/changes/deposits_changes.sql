{{ change_log(topic='deposits', rows=ref('stg_fortress__deposits'), files=ref('stg_fortress__files')) }}
