{{ change_log(topic='leases', rows=ref('stg_fortress__leases'), files=ref('stg_fortress__files')) }}
