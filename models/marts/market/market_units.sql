select * from {{ ref('market_units_changes') }}
qualify row_number() over (partition by property_id, unit order by change_date desc, _asked_at desc, _load_number desc, _row_number desc) = 1
