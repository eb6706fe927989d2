{{ history(topic='turns', changes=ref('turns_changes')) }}
