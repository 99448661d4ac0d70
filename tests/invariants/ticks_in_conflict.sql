{{ config(severity='warn') }}
select * from {{ ref('stg_tick_conflicts') }}
