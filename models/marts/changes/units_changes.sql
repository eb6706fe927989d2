{{ change_log(topic='units', rows=ref('stg_fortress__units'), files=ref('stg_fortress__files')) }}
