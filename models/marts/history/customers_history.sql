{{ history(topic='customers', changes=ref('customers_changes')) }}
