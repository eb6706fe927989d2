{{ history(topic='reversals', changes=ref('reversals_changes')) }}
