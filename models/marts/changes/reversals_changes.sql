{{ change_log(topic='reversals', rows=ref('stg_fortress__reversals'), files=ref('stg_fortress__files')) }}
