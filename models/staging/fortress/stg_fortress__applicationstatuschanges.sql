{{ typed_rows(topic='applicationstatuschanges', relation=source('fortress', 'applicationstatuschanges')) }}
