{{ market_rows(report='floorplans', relation=source('market', 'market_floorplans'), jobs=ref('stg_market__jobs')) }}
