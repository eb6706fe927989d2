{{ change_log(topic='screenings', rows=ref('stg_fortress__screenings'), files=ref('stg_fortress__files')) }}
