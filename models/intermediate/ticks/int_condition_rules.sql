-- What each code of a feed forbids, in bits: 1 to set the last price, 2 to set it unless it is the
-- first, 4 to set high and low, 8 to add volume; 16 to 128 the same for days. 256: an auction's
-- print.
with

conditions as (

    select * from {{ ref('stg_trade_conditions') }}

),

rules as (

    select
        feed || ' ' || code as print,
        (
            case updates_last when 'no' then 1 when 'only_if_first' then 2 else 0 end
            + case updates_high_low when 'no' then 4 else 0 end
            + case updates_volume when 'no' then 8 else 0 end
        ) * case scope when 'daily' then 16 else 1 end
        + case when is_auction then 256 else 0 end as forbidden
    from conditions

),

final as (

    select
        print,
        bit_or(forbidden)::smallint as forbidden
    from rules
    group by print
    having bit_or(forbidden) > 0

)

select * from final
