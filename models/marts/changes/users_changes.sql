{{ change_log(topic='users', rows=ref('stg_fortress__users'), files=ref('stg_fortress__files')) }}
