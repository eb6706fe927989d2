{{ current_state(topic='affordablecontracts', history=ref('affordablecontracts_history')) }}
