-- The price of a symbol comes to others by a ratio, and a position that was held before a symbol change is
-- as old as the older one (docs/adr/0180). Where symbols changed, the next build values all positions once
-- more.
alter table if exists intermediate.int_position_prices
add column if not exists ratio struct(new_shares hugeint, old_shares hugeint);
alter table if exists intermediate.int_position_folds
alter column inherited_from type varchar[] using case when inherited_from is not null then [inherited_from] end;
delete from state.reference_as_built
where chain = 'trading' and kind = 'settings' and exists (from raw.corporate_actions where new_symbol is not null);
