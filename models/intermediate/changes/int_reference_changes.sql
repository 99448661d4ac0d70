-- Reference data that is not what a chain was last complete with. A chain that was never complete
-- has none: it is built whole.
with

reference as (

    select * from {{ ref('int_reference') }}

),

as_built as (

    select * from {{ ref('stg_reference_as_built') }}

),

chains as (

    select * from {{ ref('stg_chains') }}

),

changes as (

    select
        coalesce(reference.chain, as_built.chain) as chain,
        coalesce(reference.kind, as_built.kind) as kind,
        coalesce(reference.exchange, as_built.exchange) as exchange,
        coalesce(reference.symbol, as_built.symbol) as symbol
    from reference
    full join as_built
        on
            reference.chain = as_built.chain
            and reference.kind = as_built.kind
            and reference.exchange = as_built.exchange
            and reference.symbol = as_built.symbol
    where
        reference.content is distinct from as_built.content
        -- What only a full refresh can follow has one row a kind: one that is not noted is new to
        -- this version, and the rows are what it says.
        and (as_built.content is not null or reference.chain = 'trading')

),

final as (

    -- A key that a run built in part is noted besides (remember_what_is_tried).
    select distinct changes.*
    from changes
    semi join chains on changes.chain = chains.chain

)

select * from final
