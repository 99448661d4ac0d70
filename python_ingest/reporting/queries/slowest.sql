-- What took longest in the newest build that ran any model, seed or test. A cycle with nothing new runs
-- hooks only.
with

nodes as (

    select
        timestamp,
        labels.component as node,
        labels.instance as build,
        value
    from system_metrics
    where metric_name = 'dbt.node.duration_ms' and labels.component not like 'operation.%'

)

select
    node,
    round(value)::bigint as milliseconds
from nodes
where build = (select max_by(build, timestamp) from nodes)
order by value desc, node
