{{ history(topic='applications', changes=ref('applications_changes')) }}
