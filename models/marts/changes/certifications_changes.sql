{{ change_log(topic='certifications', rows=ref('stg_fortress__certifications'), files=ref('stg_fortress__files')) }}
