{{ market_scales(report='property', relation=source('market', 'market_property')) }}
