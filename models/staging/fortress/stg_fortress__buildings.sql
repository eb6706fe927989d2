{{ typed_rows(topic='buildings', relation=source('fortress', 'buildings')) }}
