{{ history(topic='buildings', changes=ref('buildings_changes')) }}
