{{ market_scales(report='units', relation=source('market', 'market_units')) }}
