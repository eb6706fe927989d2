{{ typed_rows(topic='affordablecontracts', relation=source('fortress', 'affordablecontracts')) }}
