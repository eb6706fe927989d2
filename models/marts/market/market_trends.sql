{%- set metrics = ['avg_rent', 'avg_ner', 'advertised_occupancy_pct', 'exposure_pct', 'concession_share'] -%}
with days as (
    select
        property_id,
        market_name,
        date_trunc('month', report_date)::date as month,
        avg_rent,
        avg_ner,
        advertised_occupancy_pct,
        exposure_pct,
        case when avg_rent > 0 then 1 - avg_ner / avg_rent end as concession_share
    from {{ ref('market_properties_daily') }}
),

property_months as (
    select
        'property' as level,
        property_id,
        arg_max(market_name, month) over (partition by property_id) as market_name,
        month,
        1 as properties,
        days,
        {{ metrics | join(', ') }}
    from (
        select property_id, max(market_name) as market_name, month, count(*) as days, {% for one in metrics %}avg({{ one }}) as {{ one }}{{ ', ' if not loop.last }}{% endfor %}
        from days
        group by property_id, month
    )
),

-- Each property counts once, however many units it has.
market_months as (
    select
        'market' as level,
        null::bigint as property_id,
        market_name,
        month,
        count(*) as properties,
        sum(days)::bigint as days,
        {% for one in metrics %}avg({{ one }}) as {{ one }}{{ ', ' if not loop.last }}{% endfor %}
    from property_months
    where market_name is not null
    group by market_name, month
),

months as (
    select * from property_months
    union all
    select * from market_months
)

select
    months.level,
    months.property_id,
    months.market_name,
    months.month,
    months.properties,
    months.days
    {%- for one in metrics %},
    months.{{ one }},
    {%- for name, before in [('mom', 'last_month'), ('yoy', 'last_year')] %}
    {% if one in ['avg_rent', 'avg_ner'] -%}
    case when {{ before }}.{{ one }} > 0 then months.{{ one }} / {{ before }}.{{ one }} - 1 end
    {%- else -%}
    months.{{ one }} - {{ before }}.{{ one }}
    {%- endif %} as {{ one }}_{{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
    {%- endfor %}
from months
{%- for before, back in [('last_month', '1 month'), ('last_year', '1 year')] %}
left join months as {{ before }}
    on months.level = {{ before }}.level
    and months.property_id is not distinct from {{ before }}.property_id
    and (months.level = 'property' or months.market_name = {{ before }}.market_name)
    and {{ before }}.month = months.month - interval {{ back }}
{%- endfor %}
