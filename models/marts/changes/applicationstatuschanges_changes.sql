{{ change_log(topic='applicationstatuschanges', rows=ref('stg_fortress__applicationstatuschanges'), files=ref('stg_fortress__files')) }}
