{{ market_rows(report='units', relation=source('market', 'market_units'), jobs=ref('stg_market__jobs')) }}
