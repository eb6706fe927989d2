{{ change_log(topic='buildings', rows=ref('stg_fortress__buildings'), files=ref('stg_fortress__files')) }}
