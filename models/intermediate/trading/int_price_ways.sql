-- By which actions the price of one symbol becomes that of another: a symbol change, or a spin-off,
-- whose new shares are worth their share of the cost; and on from there.
with recursive

actions as (

    select
        exchange,
        symbol,
        new_symbol,
        effective_at,
        action_order,
        kind,
        case when kind = 'spin_off' then 100000000 * struct_extract(shares, 'new_shares') else 1 end
            as new_shares,
        case
            when kind = 'spin_off'
                then {{ scaled('cost_share') }} * struct_extract(shares, 'old_shares')
            else 1
        end as old_shares
    from {{ ref('int_corporate_actions') }}
    where fault is null and new_symbol is not null

),

steps as (

    select
        exchange,
        new_symbol,
        effective_at,
        kind,
        {
            'symbol': symbol,
            'since': null::timestamp,
            'until': effective_at,
            'action_order': action_order,
            'new_shares': new_shares // gcd(new_shares, old_shares),
            'old_shares': old_shares // gcd(new_shares, old_shares)
        } as step
    from actions

),

ways as (

    select
        exchange,
        new_symbol as symbol,
        effective_at as known_at,
        kind,
        [step] as steps
    from steps
    union all
    select
        ways.exchange,
        steps.new_symbol as symbol,
        steps.effective_at as known_at,
        steps.kind,
        list_append(ways.steps, struct_update(steps.step, since := ways.known_at)) as steps
    from ways
    inner join steps
        on
            ways.exchange = steps.exchange
            and ways.symbol = steps.step.symbol -- noqa: RF01
            and ways.known_at < steps.effective_at

),

final as (

    select
        *,
        steps[1].symbol as origin, -- noqa: RF01
        steps[1].until as left_at -- noqa: RF01
    from ways

)

select * from final
