{{ history(topic='households', changes=ref('households_changes')) }}
