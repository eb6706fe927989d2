{{ typed_rows(topic='reversals', relation=source('fortress', 'reversals')) }}
