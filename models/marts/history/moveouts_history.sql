{{ history(topic='moveouts', changes=ref('moveouts_changes')) }}
