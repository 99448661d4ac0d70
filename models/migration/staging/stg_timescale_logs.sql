-- An extract's rows as if they had been landed: landing's own SQL judges, types and hashes them.
{{ config(materialized=kept_where_read('logs')) }}

with

judged as (

    {{ landed_rows(
        'application_logs', 'log_id', {
            'timestamp': 'timestamp',
            'level': 'varchar',
            'service': 'varchar',
            'component': 'varchar',
            'message': 'varchar',
            'event': 'varchar',
            'context': 'struct(correlation_id uuid, order_id uuid, symbol varchar,'
                ~ ' user_id varchar, session_id varchar)',
            'data': 'json',
            'exception': 'struct(type varchar, message varchar, stack_trace varchar)',
            'source': 'struct(file varchar, line integer, function varchar)'
        }
    ) }}

),

final as (

    select
        row_number as log_id,
        timestamp,
        level,
        service,
        component,
        message,
        event,
        context,
        data,
        exception,
        source,
        1::bigint as batch_id,
        timestamp as ingestion_time,
        timestamp::date as date
    from judged
    where reason is null

)

select * from final
