{{ history(topic='activities', changes=ref('activities_changes')) }}
