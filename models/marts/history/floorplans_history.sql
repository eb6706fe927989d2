{{ history(topic='floorplans', changes=ref('floorplans_changes')) }}
