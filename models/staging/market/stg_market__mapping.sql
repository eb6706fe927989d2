with by_hand as (
    select _organization_id, property_id, market_property_id
    from {{ rows_or_none(ref('market_properties'), {'_organization_id': 'varchar', 'property_id': 'varchar', 'market_property_id': 'bigint'}) }}
    where market_property_id is not null
),

brought as (
    {{ market_ledger('_market_properties', source('market', '_market_properties')) }}
)

select * from by_hand
union all
select * from brought anti join by_hand using (_organization_id, property_id)
