{{ typed_rows(topic='users', relation=source('fortress', 'users')) }}
