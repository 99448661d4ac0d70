-- A round trip that ends when the next one begins has a row of its own in the drawdowns, from the next full
-- refresh on. The next build restates, as after a changed setting, where there are: lots in kind that named no
-- side (docs/adr/0171), cash under a new name (0171), flows in more than one currency (0165).
alter table if exists intermediate.int_position_drawdowns add column if not exists is_shown boolean default true;
delete from state.reference_as_built
where
    chain = 'trading' and kind = 'settings'
    and (
        exists (
            from raw.order_events
            where event_type in ('transfer_in', 'transfer_out') and position_side = 'net'
        )
        or exists (
            from raw.cash_events as cash
            semi join raw.corporate_actions as actions
                on cash.exchange = actions.exchange and cash.symbol = actions.new_symbol
        )
        or (
            select count(distinct if(currency = 'USDT', 'USD', currency)) > 1 from raw.cash_events
            where kind in ('deposit', 'withdrawal', 'transfer')
        )
    );
