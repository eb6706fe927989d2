{{ change_log(topic='certificationdocuments', rows=ref('stg_fortress__certificationdocuments'), files=ref('stg_fortress__files')) }}
