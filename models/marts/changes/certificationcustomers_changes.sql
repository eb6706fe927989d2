{{ change_log(topic='certificationcustomers', rows=ref('stg_fortress__certificationcustomers'), files=ref('stg_fortress__files')) }}
