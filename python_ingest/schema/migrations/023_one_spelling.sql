-- Nothing has one spelling, NULL (docs/adr/0012): rows that were told as an empty text, an empty list, a list of
-- empty texts, {} or null in JSON are what they would be today, and so is their content hash: the file that tells
-- them otherwise is known. The hashes are frozen here as landing computes them at this version.

create or replace temp table respelled_ticks as
select
    tick_id, exchange, symbol, timestamp, venue, tape, conditions,
    (md5_number(concat(
        strlen(exchange), ':', exchange, strlen(symbol), ':', symbol,
        epoch_us(timestamp), '.' || nanoseconds, '|', kind, '|', strlen(venue), ':', venue,
        bid_price, '|', ask_price, '|', bid_size, '|', ask_size, '|', last_price, '|', last_size, '|', volume, '|',
        sequence_number, '|', strlen(trade_id), ':', trade_id,
        strlen(to_json(conditions)::varchar), ':', to_json(conditions)::varchar, strlen(tape), ':', tape
    )) >> 65)::bigint as content_hash
from (
    select * replace (
        case when not regexp_full_match(venue, '[\s\p{Z}]*') then venue end as venue,
        case when not regexp_full_match(tape, '[\s\p{Z}]*') then tape end as tape,
        nullif(list_filter(conditions, lambda x: x <> ''), []) as conditions
    )
    from raw.market_ticks
    where
        (venue < '!' or venue > '~') and regexp_full_match(venue, '[\s\p{Z}]*')
        or (tape < '!' or tape > '~') and regexp_full_match(tape, '[\s\p{Z}]*')
        or len(conditions) = 0 or list_contains(conditions, '') or list_position(conditions, null) is not null
);

update raw.market_ticks as t
set venue = r.venue, tape = r.tape, conditions = r.conditions, content_hash = r.content_hash
from respelled_ticks as r
where t.tick_id = r.tick_id;

-- Ticks that were two by their spelling alone. The first that landed is kept. A tick without a key is the other
-- one where both are the n-th of their file; where a file spells one content in two ways nobody can tell, and all
-- stay.
create or replace temp table copies as
select
    *,
    bool_or(is_keyed) over content as has_key,
    count(*) over (partition by exchange, symbol, timestamp, content_hash, occurrence, batch_id) as in_file
from (
    select
        t.tick_id, t.batch_id, t.exchange, t.symbol, t.timestamp, t.content_hash, t.occurrence, t.source,
        coalesce(l.trade_id_identifies, true) and t.trade_id is not null
        or coalesce(l.sequence_identifies, true) and t.sequence_number is not null as is_keyed
    from raw.market_ticks as t
    left join raw.landings as l on t.batch_id = l.batch_id
    where (t.exchange, t.symbol, t.timestamp, t.content_hash)
        in (select (exchange, symbol, timestamp, content_hash) from respelled_ticks)
)
window content as (partition by exchange, symbol, timestamp, content_hash);

create or replace temp table double_ticks as
select tick_id, batch_id, source, kept
from (
    select
        *,
        first_value(tick_id) over (
            partition by exchange, symbol, timestamp, content_hash, case when has_key then 0 else occurrence end
            order by tick_id
        ) as kept,
        max(in_file) over (partition by exchange, symbol, timestamp, content_hash) > 1 as is_unclear
    from copies
)
where tick_id <> kept and (has_key or not is_unclear);

-- Numbers of those that stay though nobody can tell.
update raw.market_ticks as t
set occurrence = numbered.occurrence
from (
    select
        tick_id,
        row_number() over (
            partition by exchange, symbol, timestamp, content_hash order by occurrence, tick_id
        ) as occurrence
    from copies
    where not has_key and (exchange, symbol, timestamp, content_hash) in (
        select (exchange, symbol, timestamp, content_hash) from copies where in_file > 1
    )
) as numbered
where t.tick_id = numbered.tick_id;

-- What is kept counts as its most reliable copy, and has the rivals of all.
update raw.tick_confirmations as c
set tick_id = d.kept
from double_ticks as d
where c.tick_id = d.tick_id;

insert into raw.tick_confirmations
select min(d.batch_id), d.kept, min(d.source)
from double_ticks as d
where
    d.source in ('rest', 'backfill')
    and d.kept in (select tick_id from raw.market_ticks where source not in ('rest', 'backfill'))
group by d.kept;

create or replace temp table confirmed as
select min(batch_id) as batch_id, tick_id, min(source) as source
from raw.tick_confirmations
where tick_id in (select kept from double_ticks)
group by tick_id;
delete from raw.tick_confirmations where tick_id in (select tick_id from confirmed);
insert into raw.tick_confirmations from confirmed;

update raw.tick_conflicts as c
set tick_id = d.kept
from double_ticks as d
where c.tick_id = d.tick_id;
update raw.tick_conflicts as c
set rival_tick_id = d.kept
from double_ticks as d
where c.rival_tick_id = d.tick_id;
delete from raw.tick_conflicts where tick_id = rival_tick_id;

delete from raw.market_ticks where tick_id in (select tick_id from double_ticks);
update raw.landings as l
set rows_landed = l.rows_landed - d.rows, rows_duplicate = l.rows_duplicate + d.rows
from (select batch_id, count(*) as rows from double_ticks group by batch_id) as d
where l.batch_id = d.batch_id;

-- What was built of those days is compared anew by the next build, as of days that came back from the archive.
insert into state.restored_days
select distinct
    'market_ticks' as relation,
    timestamp::date as date,
    coalesce((select run_number from state.run), 0) as after_run
from respelled_ticks;

-- Of corrections an empty list says that there are no conditions, and NULL that they stay.
update raw.tick_corrections
set
    venue = case when not regexp_full_match(venue, '[\s\p{Z}]*') then venue end,
    corrected_conditions = list_filter(corrected_conditions, lambda x: x <> ''),
    content_hash = (md5_number(concat(
        strlen(exchange), ':', exchange, strlen(symbol), ':', symbol, strlen(trade_id), ':', trade_id,
        action, '|', epoch_us(timestamp), '|',
        strlen(case when not regexp_full_match(venue, '[\s\p{Z}]*') then venue end), ':',
        case when not regexp_full_match(venue, '[\s\p{Z}]*') then venue end,
        strlen(corrected_trade_id), ':', corrected_trade_id, corrected_price, '|', corrected_size, '|',
        strlen(to_json(list_filter(corrected_conditions, lambda x: x <> ''))::varchar), ':',
        to_json(list_filter(corrected_conditions, lambda x: x <> ''))::varchar
    )) >> 65)::bigint
where
    regexp_full_match(venue, '[\s\p{Z}]*')
    or list_contains(corrected_conditions, '') or list_position(corrected_conditions, null) is not null;

-- JSON has no blanks between its tokens. Where a number is longer than a double, the digits are the content.
create or replace temp table respelled_events as
select
    batch_id, row_number, metadata,
    (md5_number(concat(
        strlen(event_id), ':', event_id, event_type, '|', epoch_us(event_time), '|',
        strlen(order_id), ':', order_id, strlen(client_order_id), ':', client_order_id,
        strlen(exchange), ':', exchange, strlen(symbol), ':', symbol, side, '|', strlen(order_type), ':', order_type,
        regexp_replace(quantity::varchar, '00$', ''), '|', strlen(strategy_id), ':', strategy_id,
        strlen(time_in_force), ':', time_in_force,
        regexp_replace(price::varchar, '00$', ''), '|', regexp_replace(stop_price::varchar, '00$', ''), '|',
        strlen(trade_id), ':', trade_id, strlen(exchange_trade_id), ':', exchange_trade_id,
        regexp_replace(fill_quantity::varchar, '00$', ''), '|', regexp_replace(fill_price::varchar, '00$', ''), '|',
        regexp_replace(commission::varchar, '00$', ''), '|', strlen(commission_currency), ':', commission_currency,
        regexp_replace(fees::varchar, '00$', ''), '|', strlen(status_message), ':', status_message,
        strlen(parent_order_id), ':', parent_order_id, extended_hours, '|',
        strlen(metadata_text), ':', metadata_text, sequence_number, '|',
        'account_id=' || strlen(nullif(account_id, 'main')) || ':' || nullif(account_id, 'main'),
        'transfer_cost=' || strlen(transfer_cost::varchar) || ':' || transfer_cost::varchar,
        'original_time=' || strlen(original_time::varchar) || ':' || original_time::varchar,
        'transfer_id=' || strlen(transfer_id) || ':' || transfer_id,
        'position_side=' || strlen(nullif(position_side, 'net')) || ':' || nullif(position_side, 'net')
    )) >> 65)::bigint as content_hash
from (
    select *, case
        when regexp_matches(metadata, '[0-9.]{17}|[0-9][eE][+-]?[0-9]') then metadata::varchar
        else to_json(metadata)::varchar
    end as metadata_text
    from (
        select * replace (
            nullif(nullif(nullif(nullif(
                regexp_replace(metadata::varchar, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g'),
                'null'), '{}'), '[]'), '""')::json as metadata
        )
        from raw.order_events
        where
            regexp_matches(metadata::varchar, '\s|[0-9.]{17}|[0-9][eE][+-]?[0-9]')
            or metadata::varchar in ('null', '{}', '[]', '""')
    )
);

update raw.order_events as e
set metadata = r.metadata, content_hash = r.content_hash
from respelled_events as r
where e.batch_id = r.batch_id and e.row_number = r.row_number;

-- The next build makes orders and positions once more, as after a changed setting.
delete from state.reference_as_built
where chain = 'trading' and kind = 'settings' and exists (from respelled_events);

update raw.system_metrics as m
set labels = r.labels, quantiles = r.quantiles, content_hash = r.content_hash
from (
    select
        metric_id, labels, quantiles,
        (md5_number(concat(
            epoch_us(timestamp), '|', strlen(metric_name), ':', metric_name, metric_type, '|', value, '|',
            strlen(to_json(labels)::varchar), ':', to_json(labels)::varchar,
            strlen(to_json(quantiles)::varchar), ':', to_json(quantiles)::varchar
        )) >> 65)::bigint as content_hash
    from (
        select * replace (
            case
                when labels.service <> '' or labels.component <> '' or labels.environment <> ''
                    or labels.instance <> ''
                    then {
                        'service': nullif(labels.service, ''), 'component': nullif(labels.component, ''),
                        'environment': nullif(labels.environment, ''), 'instance': nullif(labels.instance, '')
                    }
            end as labels,
            case
                when coalesce(quantiles.p50, quantiles.p95, quantiles.p99, quantiles.p999) is not null
                    then quantiles
            end as quantiles
        )
        from raw.system_metrics
        where
            '' in (labels.service, labels.component, labels.environment, labels.instance)
            or labels is not null
            and coalesce(labels.service, labels.component, labels.environment, labels.instance) is null
            or quantiles is not null
            and coalesce(quantiles.p50, quantiles.p95, quantiles.p99, quantiles.p999) is null
    )
) as r
where m.metric_id = r.metric_id;

update raw.application_logs as l
set
    component = r.component, event = r.event, context = r.context, data = r.data, exception = r.exception,
    source = r.source, content_hash = r.content_hash
from (
    select
        log_id, component, event, context, data, exception, source,
        (md5_number(concat(
            epoch_us(timestamp), '|', level, '|', strlen(service), ':', service,
            strlen(component), ':', component, strlen(message), ':', message, strlen(event), ':', event,
            strlen(to_json(context)::varchar), ':', to_json(context)::varchar,
            strlen(data_text), ':', data_text,
            strlen(to_json(exception)::varchar), ':', to_json(exception)::varchar,
            strlen(to_json(source)::varchar), ':', to_json(source)::varchar
        )) >> 65)::bigint as content_hash
    from (
        select *, case
            when regexp_matches(data, '[0-9.]{17}|[0-9][eE][+-]?[0-9]') then data::varchar
            else to_json(data)::varchar
        end as data_text
        from (
            select * replace (
                case when not regexp_full_match(component, '[\s\p{Z}]*') then component end as component,
                case when not regexp_full_match(event, '[\s\p{Z}]*') then event end as event,
                case
                    when context.correlation_id is not null or context.order_id is not null
                        or context.symbol <> '' or context.user_id <> '' or context.session_id <> ''
                        then {
                            'correlation_id': context.correlation_id, 'order_id': context.order_id,
                            'symbol': nullif(context.symbol, ''), 'user_id': nullif(context.user_id, ''),
                            'session_id': nullif(context.session_id, '')
                        }
                end as context,
                nullif(nullif(nullif(nullif(
                    regexp_replace(data::varchar, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g'),
                    'null'), '{}'), '[]'), '""')::json as data,
                case
                    when exception.type <> '' or exception.message <> '' or exception.stack_trace <> ''
                        then {
                            'type': nullif(exception.type, ''), 'message': nullif(exception.message, ''),
                            'stack_trace': nullif(exception.stack_trace, '')
                        }
                end as exception,
                case
                    when source.file <> '' or source.line is not null or source.function <> ''
                        then {
                            'file': nullif(source.file, ''), 'line': source.line,
                            'function': nullif(source.function, '')
                        }
                end as source
            )
            from raw.application_logs
            where
                regexp_full_match(component, '[\s\p{Z}]*') or regexp_full_match(event, '[\s\p{Z}]*')
                or regexp_matches(data::varchar, '\s|[0-9.]{17}|[0-9][eE][+-]?[0-9]')
                or data::varchar in ('null', '{}', '[]', '""')
                or '' in (context.symbol, context.user_id, context.session_id)
                or '' in (exception.type, exception.message, exception.stack_trace)
                or '' in (source.file, source.function)
                or context is not null and coalesce(context.correlation_id::varchar, context.order_id::varchar,
                    context.symbol, context.user_id, context.session_id) is null
                or exception is not null
                and coalesce(exception.type, exception.message, exception.stack_trace) is null
                or source is not null and coalesce(source.file, source.line::varchar, source.function) is null
        )
    )
) as r
where l.log_id = r.log_id;
