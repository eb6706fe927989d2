{{ history(topic='applicationstatuschanges', changes=ref('applicationstatuschanges_changes')) }}
