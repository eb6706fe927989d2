{{ typed_rows(topic='turns', relation=source('fortress', 'turns')) }}
