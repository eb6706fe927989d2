{{ typed_rows(topic='floorplans', relation=source('fortress', 'floorplans')) }}
