{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['kind', 'exchange', 'symbol'],
        full_refresh=false,
        post_hook="{{ reopen_what_inputs_changed() }}"
    )
}}

-- Reference data that orders and P&L are computed with, as the newest build found it. No batch
-- announces a changed seed or setting, so a change counts as landed with the newest batch.
with

instruments as (

    select * from {{ ref('stg_instruments') }}

),

margin_rates as (

    select * from {{ ref('stg_margin_rates') }}

),

exchanges as (

    select * from {{ ref('stg_exchanges') }}

),

pairs as (

    select * from {{ ref('int_currency_pairs') }}

),

pegs as (

    select * from {{ ref('stg_currency_pegs') }}

),

found as (

    select
        'instrument' as kind,
        instruments.exchange,
        instruments.symbol,
        concat_ws(
            '|',
            coalesce(instruments.asset_class, ''),
            coalesce(instruments.base_currency, ''),
            instruments.quote_currency,
            instruments.multiplier,
            instruments.margined,
            instruments.price_exchange,
            margin_rates.margin_rate
        ) as content
    from instruments
    left join margin_rates on instruments.asset_class = margin_rates.asset_class

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
            string_agg(pegs.currency || '=' || pegs.pegged_to, ',' order by pegs.currency)
        ) as content
    from pegs

),

{% if is_incremental() %}
    changed as (

        select
            coalesce(found.kind, known.kind) as kind,
            coalesce(found.exchange, known.exchange) as exchange,
            coalesce(found.symbol, known.symbol) as symbol,
            found.content,
            {{ landed_batch() }} as changed_in_batch
        from found
        full join {{ this }} as known
            on
                found.kind = known.kind
                and found.exchange = known.exchange
                and found.symbol = known.symbol
        where found.content is distinct from known.content

    ),
{% else %}
    changed as (

        select
            *,
            0::bigint as changed_in_batch
        from found

    ),
{% endif %}

final as (

    select
        kind,
        exchange,
        symbol,
        content,
        changed_in_batch,
        '{{ invocation_id }}' as changed_by
    from changed

)

select * from final
