{# A full refresh of what is made of ticks would forget the days that lie in the archive only. #}
{% macro require_all_ticks() %}
    {{ return(adapter.dispatch('require_all_ticks')()) }}
{%- endmacro %}

{% macro default__require_all_ticks() %}
    {% set made_of_ticks = [
        "int_disputed_ticks", "int_minute_bars", "int_minute_bars_daily", "int_latest_ticks", "int_sequence_runs"
    ] %}
    {% if execute and flags.FULL_REFRESH %}
        {% set archived = run_query(
            "select min(date), max(date) from raw.cold_files"
            ~ " where relation = 'market_ticks' and state = 'archived'"
        ).rows[0] %}
        {% for model in made_of_ticks if archived[0] and "model.trading." ~ model in selected_resources %}
            {% do exceptions.raise_compiler_error(
                model ~ " would be built without the archived ticks: run `ingest archive restore"
                ~ " market_ticks " ~ archived[0] ~ " " ~ archived[1] ~ "` first."
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro spark__require_all_ticks() -%} {%- endmacro %}
