{{ typed_rows(topic='transactions', relation=source('fortress', 'transactions')) }}
