{{ change_log(topic='amenities', rows=ref('stg_fortress__amenities'), files=ref('stg_fortress__files')) }}
