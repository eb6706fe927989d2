{{ history(topic='units', changes=ref('units_changes')) }}
