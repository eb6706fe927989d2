{{ history(topic='certificationcustomers', changes=ref('certificationcustomers_changes')) }}
