{{ history(topic='properties', changes=ref('properties_changes')) }}
