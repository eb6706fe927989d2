{{ change_log(topic='affordablecontracts', rows=ref('stg_fortress__affordablecontracts'), files=ref('stg_fortress__files')) }}
