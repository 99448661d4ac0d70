{# Take a snapshot of the portfolio as it was last built: dbt run-operation take_portfolio_snapshot.
   The builds to come keep its time and value it again, should a late event change it. #}
{% macro take_portfolio_snapshot() %}
    {% set snapshots = api.Relation.create(
        database=target.database, schema='warm', identifier='portfolio_snapshots_warm'
    ) %}
    {% if adapter.get_relation(target.database, 'warm', 'portfolio_snapshots_warm') is none %}
        {% do exceptions.raise_compiler_error("There is no portfolio yet: run `dbt build` first.") %}
    {% endif %}
    {% set newest %}
        select snapshot_time from {{ snapshots }} where snapshot_type = 'newest'
    {% endset %}
    {% set taken = run_query(
        "delete from " ~ snapshots ~ " where snapshot_type = 'manual' and snapshot_time in ("
        ~ newest ~ ");"
        ~ "insert into " ~ snapshots ~ " select * replace ("
        ~ stable_id(["nullif(account_id, 'all')", "snapshot_time", "'manual'"]) ~ " as snapshot_id, 'manual' as snapshot_type) from "
        ~ snapshots ~ " where snapshot_type = 'newest';"
        ~ "insert or replace into " ~ source('warm', 'manual_snapshots') ~ " select snapshot_time, ("
        ~ "select run_number from " ~ source('state', 'run') ~ ") from "
        ~ snapshots ~ " where snapshot_type = 'newest'; commit; begin;" ~ newest
    ).columns[0].values() %}
    {% if taken | length == 0 %}
        {% do exceptions.raise_compiler_error("No fill and no cash event has been built yet.") %}
    {% endif %}
    {% do log("Took a portfolio snapshot of " ~ taken[0] ~ " UTC.", info=true) %}
{% endmacro %}
