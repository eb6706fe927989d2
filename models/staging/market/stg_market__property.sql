{{ market_rows(report='property', relation=source('market', 'market_property'), jobs=ref('stg_market__jobs')) }}
