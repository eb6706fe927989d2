{{ history(topic='incomelimits', changes=ref('incomelimits_changes')) }}
