-- In every account and currency, at every moment: what the newest rows of all its positions have
-- realised, cost and earned is what the ledger says by then, to within their rounding; where
-- nothing was charged or paid in another currency.
{% set key = ['account_id', 'exchange', 'symbol', 'strategy_id', 'position_side'] %}
{% set parts = ['realized_pnl', 'commission', 'fees', 'carry'] %}
with

commissions as (

    select * from {{ ref('int_fill_commissions') }}

),

instruments as (

    select * from {{ ref('int_traded_instruments') }}

),

shares as (

    select
        shares.*,
        instruments.settle_currency as quote_currency
    from {{ ref('int_cash_shares') }} as shares
    inner join instruments on {{ same_key('shares', 'instruments', ['exchange', 'symbol']) }}

),

foreign_currencies as (

    select
        account_id,
        unnest([quote_currency, charged_in]) as currency
    from commissions
    where not needs_no_conversion
    union
    select
        account_id,
        unnest([quote_currency, currency]) as currency
    from shares
    where currency <> quote_currency

),

-- The newest row of a position is always there; others may lie in the archive.
archived as (

    select coalesce(max(date) + 1, '-infinity'::date)::timestamp as until
    from {{ ref('int_archived_days') }}
    where relation = 'positions'

),

changes as (

    select
        {{ columns_of(key, 'positions') }},
        positions.snapshot_time as changed_at,
        {% for part in parts %}
            -- of as many digits as the ledger's, which are rounded else
            try_cast(
                positions.{{ part }} - lag(positions.{{ part }}, 1, 0) over rows_so_far
                as decimal(38, 16)
            ) as {{ part }},
        {% endfor %}
        row_number() over rows_so_far = 1 as is_first,
        instruments.settle_currency as currency
    from {{ ref('positions') }} as positions
    inner join instruments on {{ same_key('positions', 'instruments', ['exchange', 'symbol']) }}
    window rows_so_far as (
        partition by {{ columns_of(key, 'positions') }}
        order by positions.snapshot_time
    )

),

-- From when on each position has the row that counts: its first one after the archived days, or the
-- newest one, where it has none after them.
compared_from as (

    select coalesce(max(first_at), timestamp '-infinity') as since
    from (
        select
            coalesce(
                min(changes.changed_at) filter (
                    where changes.changed_at >= (select archived.until from archived)
                ),
                max(changes.changed_at)
            ) as first_at
        from changes
        semi join commissions
            on
                {{ same_key('changes', 'commissions', key) }}
                and commissions.event_at < (select archived.until from archived)
        group by {{ columns_of(key, 'changes') }}
    ) as of_positions

),

movements as (

    select
        account_id,
        currency,
        changed_at,
        {{ parts | join(', ') }},
        is_first
    from changes
    -- NULL: built before it was kept, or without room
    where is_first or ({{ parts | join(' is distinct from 0 or ') }} is distinct from 0)
    union all
    select
        account_id,
        currency,
        moved_at as changed_at,
        {% for part in parts %}
            -{{ part }} as {{ part }},
        {% endfor %}
        false as is_first
    from {{ ref('int_ledger') }}
    union all
    -- adjustments of what was never held
    select
        events.account_id,
        events.currency,
        events.event_time as changed_at,
        0 as realized_pnl,
        -events.amount as commission,
        0 as fees,
        0 as carry,
        false as is_first
    from {{ ref('stg_cash_events') }} as events
    anti join shares on {{ same_key('events', 'shares', ['account_id', 'exchange', 'event_id']) }}
    where events.part = 'commission'

),

totals as (

    select
        account_id,
        currency,
        changed_at,
        {% for part in parts %}
            sum({{ part }}) over so_far as {{ part }},
            count({{ part }}) over so_far as known_{{ part }},
        {% endfor %}
        count(*) over so_far as movements,
        0.000000005 * count_if(is_first) over so_far as rounding
    from movements
    window so_far as (partition by account_id, currency order by changed_at)

)

select distinct totals.*
from totals
anti join foreign_currencies
    on {{ same_key('totals', 'foreign_currencies', ['account_id', 'currency']) }}
where
    totals.changed_at >= (select compared_from.since from compared_from)
    and (
        {% for part in parts %}
            totals.known_{{ part }} = totals.movements and abs(totals.{{ part }}) > totals.rounding
            {{ 'or' if not loop.last }}
        {% endfor %}
    )
