{{ typed_rows(topic='balances', relation=source('fortress', 'balances')) }}
