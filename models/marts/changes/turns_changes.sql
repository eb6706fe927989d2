{{ change_log(topic='turns', rows=ref('stg_fortress__turns'), files=ref('stg_fortress__files')) }}
