{{ change_log(topic='balances', rows=ref('stg_fortress__balances'), files=ref('stg_fortress__files')) }}
