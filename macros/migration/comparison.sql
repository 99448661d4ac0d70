{# What is compared, table by table: the model with both sides, its time, what names a row, the
   compared columns besides, and which of them are summed. Never compared: ids that each side numbers
   for itself, ingestion_time, source, and JSON texts, which jsonb does not keep. #}
{% macro compared_tables() -%}
    {%- set prices = ['bid_price', 'ask_price', 'last_price'] -%}
    {%- set sizes = ['bid_size', 'ask_size', 'last_size'] -%}
    {{ return({
        'market_ticks': {
            'model': 'compared_ticks',
            'time': 'timestamp',
            'key': ['exchange', 'symbol', 'timestamp', 'sequence_number'],
            'values': prices + sizes + ['volume', 'conditions', 'tape', 'correlation_id', 'kind',
                'venue', 'trade_id'],
            'sums': prices + sizes + ['volume'],
        },
        'ohlcv_bars': {
            'model': 'compared_bars',
            'time': 'timestamp',
            'key': ['exchange', 'symbol', 'timeframe', 'timestamp'],
            'values': ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trade_count'],
            'sums': ['open', 'high', 'low', 'close', 'volume'],
        },
        'orders': {
            'model': 'compared_orders',
            'time': 'created_at',
            'key': ['order_id'],
            'values': ['client_order_id', 'exchange', 'symbol', 'strategy_id', 'side', 'order_type',
                'time_in_force', 'quantity', 'price', 'stop_price', 'filled_quantity',
                'average_fill_price', 'status', 'created_at', 'submitted_at', 'filled_at',
                'commission'],
            'sums': ['quantity', 'filled_quantity', 'commission'],
        },
        'trades': {
            'model': 'compared_trades',
            'time': 'executed_at',
            'key': ['trade_id'],
            'values': ['order_id', 'exchange', 'symbol', 'side', 'quantity', 'price', 'executed_at',
                'commission', 'fees', 'realized_pnl', 'exchange_trade_id'],
            'sums': ['quantity', 'price', 'commission', 'fees', 'realized_pnl'],
        },
        'positions': {
            'model': 'compared_positions',
            'time': 'snapshot_time',
            'key': ['exchange', 'symbol', 'strategy_id', 'snapshot_time'],
            'values': ['quantity', 'average_entry_price', 'realized_pnl'],
            'sums': ['quantity', 'realized_pnl'],
        },
        'portfolio_snapshots': {
            'model': 'compared_portfolio',
            'time': 'snapshot_time',
            'key': ['snapshot_type', 'snapshot_time'],
            'values': ['cash_balance', 'portfolio_value', 'equity', 'total_pnl'],
            'sums': ['cash_balance', 'equity', 'total_pnl'],
        },
        'system_metrics': {
            'model': 'compared_metrics',
            'time': 'timestamp',
            'key': ['timestamp', 'metric_name', 'labels'],
            'values': ['metric_type', 'value', 'quantiles', 'correlation_id'],
            'sums': [],
        },
        'application_logs': {
            'model': 'compared_logs',
            'time': 'timestamp',
            'key': ['timestamp', 'service', 'level', 'message'],
            'values': ['component', 'event', 'context', 'exception', 'origin'],
            'sums': [],
        },
    }) }}
{%- endmacro %}

{% macro compared_columns(spec) -%}
    {%- set columns = [] -%}
    {%- for column in spec['key'] + spec['values'] if column not in columns -%}
        {%- do columns.append(column) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{# Both sides of a table per hour. The checksum is a sum of hashes: the order of rows does not count,
   doubled rows do. hash() may change with the engine's version, but both sides come from one query. #}
{% macro hourly_figures(spec) -%}
    select
        relation,
        system,
        epoch_us({{ spec['time'] }}) // 3600000000 as hour,
        count(*) as rows,
        min({{ spec['key'] | last }})::varchar as first_key,
        max({{ spec['key'] | last }})::varchar as last_key,
        {%- for column in spec['sums'] %}
        sum({{ column }})::decimal(38, 8) as sum_{{ column }},
        {%- endfor %}
        sum(hash({{ compared_columns(spec) | join(', ') }})) as checksum
    from {{ ref(spec['model']) }}
    group by all
{%- endmacro %}

{# Hours as they are and days made of them, the sums as one JSON text. #}
{% macro bucket_figures(spec, hours) -%}
    {%- for size, microseconds in {'hour': 3600000000, 'day': 86400000000}.items() %}
    select
        relation,
        system,
        '{{ size }}' as bucket_size,
        make_timestamp(hour * 3600000000 // {{ microseconds }} * {{ microseconds }}) as bucket,
        sum(rows)::bigint as rows,
        min(first_key) as first_key,
        max(last_key) as last_key,
        to_json({
            {%- for column in spec['sums'] %}
            '{{ column }}': sum(sum_{{ column }})::varchar,
            {%- endfor %}
            'checksum': sum(checksum)::varchar
        })::varchar as figures
    from {{ hours }}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Rows of the buckets that do not match which one side has more often than the other. #}
{% macro row_differences(table, spec) -%}
    select
        '{{ table }}' as table_name,
        rows.relation,
        date_trunc('hour', rows.{{ spec['time'] }}) as bucket,
        to_json({
            {%- for column in spec['key'] %}'{{ column }}': rows.{{ column }}{{ ', ' if not loop.last }}
            {%- endfor %}})::varchar as key,
        to_json({
            {%- for column in spec['values'] %}'{{ column }}': rows.{{ column }}{{ ', ' if not loop.last }}
            {%- endfor %}})::varchar as row_values,
        count(*) filter (where rows.system = 'duckdb') as duckdb_rows,
        count(*) filter (where rows.system = 'timescale') as timescale_rows
    from {{ ref(spec['model']) }} as rows
    inner join unmatched
        on
            unmatched.table_name = '{{ table }}'
            and unmatched.relation = rows.relation
            and unmatched.hour = epoch_us(rows.{{ spec['time'] }}) // 3600000000
    group by all
    having
        count(*) filter (where rows.system = 'duckdb')
        <> count(*) filter (where rows.system = 'timescale')
{%- endmacro %}
