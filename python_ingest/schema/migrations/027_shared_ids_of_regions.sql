-- Which ids are shared was asked of all fills and orders at each build, and now of what is restated: the next
-- build makes both tables anew.
drop table if exists intermediate.int_shared_trade_ids;
drop table if exists intermediate.int_shared_order_ids;
