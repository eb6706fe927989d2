{{ change_log(topic='prospects', rows=ref('stg_fortress__prospects'), files=ref('stg_fortress__files')) }}
