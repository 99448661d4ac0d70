-- How much of its order was filled after a fill. Where two feeds number one fill differently it tells that
-- they mean the same one.
alter table raw.order_events add column cumulative_quantity decimal(28, 10);
