{{ history(topic='workorders', changes=ref('workorders_changes')) }}
