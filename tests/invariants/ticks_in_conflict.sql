{{ config(severity='warn') }}
select * from {{ ref('stg_tick_conflicts') }}
where not is_one_trade
