{{ current_state(topic='certificationcustomers', history=ref('certificationcustomers_history')) }}
