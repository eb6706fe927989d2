{{ change_log(topic='certificationreviewstatuschanges', rows=ref('stg_fortress__certificationreviewstatuschanges'), files=ref('stg_fortress__files')) }}
