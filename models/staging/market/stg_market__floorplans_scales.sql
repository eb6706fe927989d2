{{ market_scales(report='floorplans', relation=source('market', 'market_floorplans')) }}
