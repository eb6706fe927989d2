{{ market_ledger('_market_jobs', source('market', '_market_jobs')) }}
