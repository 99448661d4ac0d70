-- depends_on: {{ ref('int_feeds_to_restate') }} {{ ref('int_reference_changes') }}
{{ config(
    materialized='incremental',
    unique_key=['exchange', 'symbol', 'kind', 'first_number'],
    meta={
        'region': {'pending': 'int_feeds_to_restate', 'by': ['exchange', 'symbol', 'kind']},
        'reference_is_fixed': true
    }
) }}

-- Unbroken runs of a feed's own numbers: what is landed joins, lengthens or bridges them.
with

ticks as (

    select ticks.*
    from {{ landed('ticks') }} as ticks
    {% if is_incremental() %}
        semi join {{ ref('int_feeds_to_restate') }} as pending on {{ in_minute('ticks', 'pending') }}
        where {{ on_day_of('ticks', ref('int_feeds_to_restate')) }}
    {% endif %}

),

contiguous_feeds as (

    select
        exchange,
        {{ each_of('contiguous_kinds') }} as kind
    from {{ ref('stg_exchanges') }}

),

numbers as (

    select
        ticks.exchange,
        ticks.symbol,
        ticks.kind,
        ticks.sequence_number as number,
        min(ticks.timestamp) as timestamp
    from ticks
    inner join contiguous_feeds
        on
            ticks.exchange = contiguous_feeds.exchange
            and ticks.kind = contiguous_feeds.kind
    where ticks.sequence_number is not null
    group by all

),

numbered as (

    select
        *,
        -- wide: a feed's number may be the first or the last that a BIGINT holds
        number::{{ whole_number() }} - row_number() over (
            partition by exchange, symbol, kind
            order by number
        ) as run
    from numbers

),

runs as (

    select
        exchange,
        symbol,
        kind,
        min(number) as first_number,
        max(number) as last_number,
        -- Of its first and its last number, as below: times need not be in the order of numbers.
        min_by(timestamp, number) as first_at,
        max_by(timestamp, number) as last_at
    from numbered
    group by
        exchange,
        symbol,
        kind,
        run

    {% if is_incremental() %}

        union all

        select
            exchange,
            symbol,
            kind,
            first_number,
            last_number,
            first_at,
            last_at
        from {{ this }} as known
        semi join {{ ref('int_feeds_to_restate') }} as pending
            on {{ same_key('known', 'pending', ['exchange', 'symbol', 'kind']) }}

    {% endif %}

),

reached as (

    select
        *,
        max(last_number) over (
            partition by exchange, symbol, kind
            order by first_number, last_number
            rows between unbounded preceding and 1 preceding
        ) as reached_before
    from runs

),

joined as (

    select
        *,
        count(*) filter (where first_number > reached_before::{{ whole_number() }} + 1) over (
            partition by exchange, symbol, kind
            order by first_number, last_number
        ) as run
    from reached

),

final as (

    select
        exchange,
        symbol,
        kind,
        min(first_number) as first_number,
        max(last_number) as last_number,
        min_by(first_at, (first_number, first_at)) as first_at,
        min_by(last_at, (-last_number::{{ whole_number() }}, last_at)) as last_at
    from joined
    group by
        exchange,
        symbol,
        kind,
        run

)

select * from final
