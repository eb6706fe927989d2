{{ change_log(topic='workorders', rows=ref('stg_fortress__workorders'), files=ref('stg_fortress__files')) }}
