{{ change_log(topic='rentchanges', rows=ref('stg_fortress__rentchanges'), files=ref('stg_fortress__files')) }}
