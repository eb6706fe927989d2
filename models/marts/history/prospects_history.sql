{{ history(topic='prospects', changes=ref('prospects_changes')) }}
