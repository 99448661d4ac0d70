-- What orders and P&L are computed with besides what landed.
with

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

instruments as (

    select * from {{ ref('stg_instruments') }}

),

margin_rates as (

    select * from {{ ref('stg_margin_rates') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

accounts as (

    select * from {{ ref('stg_accounts') }}

),

final as (

    select
        'instrument' as kind,
        instruments.exchange,
        instruments.symbol,
        concat_ws(
            '|',
            coalesce(instruments.asset_class, ''),
            coalesce(instruments.base_currency, ''),
            instruments.quote_currency,
            -- as it was noted before it had four decimals: no text changes by an upgrade
            instruments.multiplier::decimal(18, 8),
            instruments.margined,
            instruments.price_exchange,
            case when instruments.is_inverse then 'settles in ' || instruments.settle_currency end
        ) as content
    from instruments
    union all
    -- When its days begin is when its splits take effect.
    select
        'exchange' as kind,
        exchange,
        '' as symbol,
        concat_ws('|', timezone, day_start) as content
    from exchanges
    union all
    select
        'pair' as kind,
        price_exchange as exchange,
        symbol,
        concat_ws('|', base_currency, quote_currency) as content
    from pairs
    union all
    -- Of an account: the column says which.
    select
        'lots' as kind,
        '' as exchange,
        account_id as symbol,
        lot_method as content
    from accounts
    where lot_method is not null
    union all
    select
        'hedge_mode' as kind,
        '' as exchange,
        account_id as symbol,
        'true' as content
    from accounts
    where hedge_mode
    union all
    select
        'settings' as kind,
        '' as exchange,
        '' as symbol,
        concat_ws(
            '|',
            '{{ var("base_currency") }}',
            '{{ var("position_mark_interval") }}',
            '{{ var("portfolio_eod_time") }}',
            '{{ var("portfolio_timezone") }}',
            string_agg(pegs.currency || '=' || pegs.pegged_to, ',' order by pegs.currency),
            -- Also of asset classes that only an unlisted instrument has.
            (
                select
                    'margins '
                    || string_agg(
                        margin_rates.asset_class || '=' || margin_rates.margin_rate,
                        ','
                        order by margin_rates.asset_class
                    )
                from margin_rates
            )
        ) as content
    from pegs

)

select * from final
