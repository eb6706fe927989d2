{{ change_log(topic='incomelimits', rows=ref('stg_fortress__incomelimits'), files=ref('stg_fortress__files')) }}
