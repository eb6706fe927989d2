{{ change_log(topic='scheduledtransactions', rows=ref('stg_fortress__scheduledtransactions'), files=ref('stg_fortress__files')) }}
