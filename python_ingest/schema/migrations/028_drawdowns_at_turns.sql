-- What a turn of a position loses is in the drawdown of the position that it closes (migration 026): the next
-- build restates trading, as after a changed setting, where a fill turned one. Splits are not followed: where there
-- are corporate actions it restates too. What landed before numbers were wide (008) is not restated: other numbers
-- would change in the ninth decimal. There drawdowns at turns are new from the next full refresh on.
delete from state.reference_as_built
where
    chain = 'trading' and kind = 'settings'
    and not exists (
        from raw.landings
        where landed_at < (select max(applied_at) from raw.schema_versions where version = 8)
    )
    and (
        exists (from raw.corporate_actions)
        or exists (
            from (
                select
                    if(side = 'buy', 1, -1) * coalesce(fill_quantity, quantity) as moved,
                    sum(moved) over (
                        partition by account_id, exchange, symbol, position_side, strategy
                        order by event_time, sequence rows unbounded preceding
                    ) as held
                from (
                    select
                        *,
                        row_number() over () as sequence,
                        max(strategy_id) over (partition by account_id, exchange, symbol, order_id) as strategy
                    from raw.order_events
                )
                where event_type in ('partial_fill', 'fill', 'transfer_in', 'transfer_out')
            )
            where sign(held) * sign(held - moved) < 0
        )
    );
