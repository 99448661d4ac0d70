{# Models that value positions count bars by batches of their own (`<model>.bars`), since bars may be
   built later than the fills they price, and keep up to when they have valued (`<model>.until`). #}
{% macro valued_until() -%}
    {%- if is_incremental() -%} {{- kept_numbers()['until'] -}}
    {%- else -%} timestamp '-infinity'
    {%- endif -%}
{%- endmacro %}

{# What this model has seen, as literals of one query: `events` (a batch), `bars` (a batch) and `until`
   (up to when it has valued everything). #}
{% macro kept_numbers() -%}
    {%- set kept = {'events': 0, 'bars': 0, 'until': 0} -%}
    {%- if execute and is_incremental() -%}
        {%- set found = run_query(
            "select replace(replace(model, '" ~ this.name ~ "', ''), '.', ''), batch_id from "
            ~ build_watermarks() ~ " where model in ('" ~ this.name ~ "', '" ~ this.name
            ~ ".bars', '" ~ this.name ~ ".until')"
        ) -%}
        {%- for what, number in found.rows -%}
            {%- do kept.update({what or 'events': number}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do kept.update({'until': 'make_timestamp(' ~ kept['until'] ~ ')'}) -%}
    {{ return(kept) }}
{%- endmacro %}

{# What may be worth something else since this model's last build. #}
{% macro unseen_revaluations(scopes, seen=none) -%}
    {%- set seen = seen or kept_numbers() -%}
    select *
    from {{ ref('int_valuations_to_restate') }}
    where
        scope in ('{{ scopes | join("', '") }}')
        and (
            (cause = 'events' and batch_id > {{ seen['events'] }})
            or (cause = 'bars' and batch_id > {{ seen['bars'] }})
        )
{%- endmacro %}

{# From when on each position is to be valued again. #}
{% macro revaluations(scope='position') -%}
    select
        exchange,
        symbol,
        strategy_id,
        min(restart_at) as restart_at
    from ({{ unseen_revaluations([scope]) }})
    group by exchange, symbol, strategy_id
{%- endmacro %}

{# The earliest time at which anything is to be valued again, or anew, as a literal. #}
{% macro revalued_from(scopes=['position']) -%}
    {%- if is_incremental() -%}
        {%- set seen = kept_numbers() -%}
        {{- earliest(
            "select least(" ~ seen['until'] ~ ", min(restart_at)) from ("
            ~ unseen_revaluations(scopes, seen) ~ ")"
        ) -}}
    {%- else -%} timestamp '-infinity'
    {%- endif -%}
{%- endmacro %}

{# A position that is open has a row at every mark: none that can be continued is older than this. #}
{% macro continued_from() -%}
    ({{ revalued_from() }} - interval '{{ var("position_mark_interval") }}')
{%- endmacro %}

{# Pre-hooks: take out every valuation that may have changed, and those of the newest time, which
   only counted while it was the newest. #}
{% macro forget_valuations() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using ({{ revaluations() }}) as restarts
        where
            built.exchange = restarts.exchange
            and built.symbol = restarts.symbol
            and built.strategy_id = restarts.strategy_id
            and built.snapshot_time >= restarts.restart_at
            and built.snapshot_time >= {{ revalued_from() }}
    {%- endif -%}
{%- endmacro %}

{% macro forget_newest_valuations() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where snapshot_time >= {{ valued_until() }}
    {%- endif -%}
{%- endmacro %}

{# Pre-hook: rows of positions in Parquet that may have changed do not count any more either. #}
{% macro forget_cold_positions() -%}
    {{ forget_cold(
        'positions', 'position_id', 'snapshot_time',
        "select min(restart_at) from (" ~ revaluations() ~ ")",
        "exists (select 1 from (" ~ revaluations() ~ ") as restarts"
        ~ " where cold.exchange = restarts.exchange and cold.symbol = restarts.symbol"
        ~ " and cold.strategy_id = restarts.strategy_id"
        ~ " and cold.snapshot_time >= restarts.restart_at)"
    ) }}
{%- endmacro %}

{# The portfolio is one: from the first change on, all of it. #}
{% macro portfolio_revalued_from() -%}
    {{ revalued_from(['position', 'portfolio']) }}
{%- endmacro %}

{# The last time of this model before that, as a literal. #}
{% macro balanced_until() -%}
    {%- if is_incremental() and execute -%}
        {%- set found = run_query(
            "select max(snapshot_time) from " ~ this ~ " where snapshot_time < "
            ~ portfolio_revalued_from()
        ).columns[0].values()[0] -%}
        timestamp '{{ found if found is not none else '-infinity' }}'
    {%- else -%} timestamp '-infinity'
    {%- endif -%}
{%- endmacro %}

{% macro forget_portfolio() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where snapshot_time >= {{ portfolio_revalued_from() }}
    {%- endif -%}
{%- endmacro %}

{# From when on snapshots that are there already may have changed: those of the newest time are not
   among them, since they may have left for Parquet. #}
{% macro restated_snapshots() -%}
    select min(restart_at) from ({{ unseen_revaluations(['position', 'portfolio']) }})
{%- endmacro %}

{% macro restated_snapshots_from() -%}
    {%- if is_incremental() -%} {{ earliest(restated_snapshots()) }}
    {%- else -%} timestamp '-infinity'
    {%- endif -%}
{%- endmacro %}

{% macro forget_snapshots() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where snapshot_time >= {{ restated_snapshots_from() }} or snapshot_type = 'newest'
    {%- endif -%}
{%- endmacro %}

{% macro forget_cold_snapshots() -%}
    {{ forget_cold(
        'portfolio_snapshots', 'snapshot_id', 'snapshot_time',
        restated_snapshots(), "cold.snapshot_time >= " ~ restated_snapshots_from()
    ) }}
{%- endmacro %}

{# Post-hook of int_valuations_to_restate: which bars it has seen. #}
{% macro remember_bars() -%}
    insert or replace into {{ build_watermarks() }}
    select
        '{{ this.name }}.bars' as model,
        coalesce(min(batch_id), 0) as batch_id
    from {{ build_watermarks() }}
    where model in ('int_minute_bars', 'ohlcv_bars_warm')
{%- endmacro %}

{# Post-hook: what this model has seen now. #}
{% macro remember_valuation(upstream) -%}
    {{ remember_batch_of([upstream, 'int_valuations_to_restate']) }}
    union all
    select
        '{{ this.name }}.bars' as model,
        coalesce(max(batch_id), 0) as batch_id
    from {{ build_watermarks() }}
    where model = 'int_valuations_to_restate.bars'
    union all
    select
        '{{ this.name }}.until' as model,
        coalesce(max(epoch_us(snapshot_time)), 0) as batch_id
    from {{ ref('int_snapshot_times') }}
    where snapshot_type = 'newest'
{%- endmacro %}

{# Round trips that may have ended otherwise: by their fills, or by what a commission cost. #}
{% macro trip_restarts() -%}
    select
        exchange,
        symbol,
        strategy_id,
        min(restart_at) as restart_at
    from (
        {{ position_restarts() }}
        union all
        {{ revaluations('commission') }}
    )
    group by exchange, symbol, strategy_id
{%- endmacro %}

{% macro trip_restarts_since() -%}
    {{- earliest("select min(restart_at) from (" ~ trip_restarts() ~ ")") -}}
{%- endmacro %}

{# When the first round trip was opened that ends after that, as a literal. #}
{% macro ended_trips_since() -%}
    {%- set restarts = trip_restarts() -%}
    {{- earliest(
        "select min(states.ended_opened_at) from " ~ ref('int_position_states') ~ " as states"
        ~ " inner join (" ~ restarts ~ ") as restarts on states.exchange = restarts.exchange"
        ~ " and states.symbol = restarts.symbol and states.strategy_id = restarts.strategy_id"
        ~ " and states.event_at >= restarts.restart_at where states.event_at >= "
        ~ trip_restarts_since()
    ) -}}
{%- endmacro %}

{% macro forget_trips(at) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as built
        using ({{ trip_restarts() }}) as restarts
        where
            built.exchange = restarts.exchange
            and built.symbol = restarts.symbol
            and built.strategy_id = restarts.strategy_id
            and built.{{ at }} >= restarts.restart_at
            and built.{{ at }} >= {{ trip_restarts_since() }}
    {%- endif -%}
{%- endmacro %}
