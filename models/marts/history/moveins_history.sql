{{ history(topic='moveins', changes=ref('moveins_changes')) }}
