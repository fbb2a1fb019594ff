"""What people ask of taxi trips, whichever names the columns have: each year has had its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import RequestError
from parquetry.tuning.workloads.templates import Template

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from parquetry.tuning.workloads.domain import Domain

_NAMES = {
    "pickup": ("tpep_pickup_datetime", "lpep_pickup_datetime", "pickup_datetime"),
    "zone": ("PULocationID", "pickup_location_id", "pulocationid"),
    "to_zone": ("DOLocationID", "dropoff_location_id", "dolocationid"),
    "distance": ("trip_distance", "trip_miles"),
    "fare": ("total_amount", "fare_amount", "base_passenger_fare"),
    "payment": ("payment_type", "hvfhs_license_num"),
}


def taxi_columns(names: Sequence[str], table: str) -> dict[str, str]:
    """Return which column of a table plays which part.

    Raises:
        RequestError: The table has no trips.
    """
    found = {part: next((n for n in known if n in names), "") for part, known in _NAMES.items()}
    missing = [part for part, name in found.items() if not name]
    if missing:
        expected = "; ".join(f"{part}: {' or '.join(_NAMES[part])}" for part in missing)
        raise RequestError(
            f"The dataset {table!r} does not look like taxi trips: it lacks columns for {expected}. "
            "Nothing was run. `parquetry run-workload` asks questions of any table."
        )
    return found


def taxi_templates(names: dict[str, str]) -> Sequence[Template]:
    """Return the templates over columns of these names."""
    quoted = {part: f'"{name}"' for part, name in names.items()}

    def window(rng: random.Random, domain: Domain, days: float) -> str:
        low, high = domain[names["pickup"]].window(rng, days / 365)
        return f"{quoted['pickup']} >= {low} AND {quoted['pickup']} < {high}"

    def rush_hours(rng: random.Random, domain: Domain) -> str:
        return (
            f"SELECT date_trunc('hour', {quoted['pickup']}) AS hour, count(*) AS trips, "
            f"avg({quoted['fare']}) AS fare FROM {domain.table} "
            f"WHERE {window(rng, domain, 2)} GROUP BY hour ORDER BY hour"
        )

    def from_zone(rng: random.Random, domain: Domain) -> str:
        zone = domain[names["zone"]].pick(rng)
        return (
            f"SELECT {quoted['to_zone']}, count(*) AS trips FROM {domain.table} "
            f"WHERE {quoted['zone']} = {zone} GROUP BY ALL ORDER BY trips DESC, 1 LIMIT 10"
        )

    def zone_week(rng: random.Random, domain: Domain) -> str:
        zone = domain[names["zone"]].pick(rng)
        return (
            f"SELECT count(*) AS trips, sum({quoted['fare']}) AS fares FROM {domain.table} "
            f"WHERE {quoted['zone']} = {zone} AND {window(rng, domain, 7)}"
        )

    def long_trips(rng: random.Random, domain: Domain) -> str:
        return (
            f"SELECT {quoted['pickup']}, {quoted['distance']}, {quoted['fare']} FROM {domain.table} "
            f"WHERE {quoted['distance']} > {rng.choice((12, 15, 18))} AND {window(rng, domain, 10)} "
            f"ORDER BY {quoted['distance']} DESC LIMIT 20"
        )

    def payments(_: random.Random, domain: Domain) -> str:
        return (
            f"SELECT {quoted['payment']}, count(*) AS trips, avg({quoted['fare']}) AS fare "
            f"FROM {domain.table} GROUP BY ALL ORDER BY ALL"
        )

    return (
        Template("rush hours", 35, rush_hours),
        Template("from a zone", 25, from_zone),
        Template("zone, week", 20, zone_week),
        Template("long trips", 14, long_trips),
        Template("everything", 6, payments),
    )
