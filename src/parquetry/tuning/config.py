"""What tuning goes by: every setting with its unit, from arguments or from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from parquetry.errors import ParameterError

Bandit = Literal["ucb1", "thompson", "contextual"]


def _named(name: str) -> AliasChoices:
    """Return the names of a setting that the environment has without our prefix."""
    return AliasChoices(name, name.upper(), f"PARQUETRY_{name.upper()}")


class Config(BaseSettings):
    """The settings of tuning. What is not given is taken from the environment, else from here.

    The environment knows `DATA_DIR`, `METADATA_DB`, `EXPLORATION_RATE`, `ALPHA` and `BETA` by these
    names, `NYC_TAXI_URL` too, and every setting as `PARQUETRY_` and its name in capitals.

    Args:
        data_dir: The folder of datasets.
        metadata_db: The database that keeps what was learnt: the path of an SQLite file, or the URL
            of a PostgreSQL database, `postgresql+psycopg://…`.
        exploration_rate: The share of questions that may be answered from another layout than the
            best, to learn from them; 0 to 1.
        alpha: The weight of the improvement of latency in the reward.
        beta: The weight of the cost of rewriting in the reward.
        theta: Rewriting seconds that must have been saved before a layout is moved to, as a share of
            what the rewriting takes. Rewriting never costs more than 1/theta of the query time paid.
        min_queries: Questions that a dataset must have seen before it is moved.
        share_looking: The share of the time of questions that looking for layouts may take, beside the
            rewriting and the first look.
        half_life_days: Days after which a question counts half.
        history_days: Days after which the loop forgets questions.
        window_hours: Hours of questions that one evaluation looks back on.
        min_samples: Questions of a layout in the window without which it is not evaluated.
        max_replicas: Layouts that may stand beside a dataset at the same time. Each must pay for its
            writing and for the disk that it takes; 0 lays out the folder itself.
        min_rows: Rows of a dataset below which it is left alone.
        min_row_groups: Row groups of a dataset below which it is left alone.
        bandit: How routing learns which layout answers a kind of question best.
        seed: What everything that chooses at random starts from.
        storage_price_gb_month: The price of keeping one GB for a month.
        compute_price_hour: The price of an hour of computing, in the same currency.
        share_measured: The share of the SQL queries to a tuned store whose row groups and bytes are
            measured, which takes about 0.5 ms each; their time is always taken.
        log_buffer_rows: Questions that are kept in memory before they are logged together.
        log_buffer_seconds: Seconds after which they are logged even if they are fewer.
        nyc_taxi_url: Where `download-nyc-taxi` finds the months of New York's taxi records.
        download_timeout_seconds: Seconds that a server may be silent.

    Raises:
        ParameterError: A setting has a value that is not accepted.
    """

    model_config = SettingsConfigDict(
        env_prefix="PARQUETRY_", frozen=True, extra="forbid", populate_by_name=True
    )

    data_dir: str = Field("data", min_length=1, validation_alias=_named("data_dir"))
    metadata_db: str = Field("metadata.db", min_length=1, validation_alias=_named("metadata_db"))
    exploration_rate: float = Field(0.2, ge=0, le=1, validation_alias=_named("exploration_rate"))
    alpha: float = Field(1.0, ge=0, validation_alias=_named("alpha"))
    beta: float = Field(0.1, ge=0, validation_alias=_named("beta"))
    theta: float = Field(0.5, gt=0)
    min_queries: int = Field(30, ge=1)
    share_looking: float = Field(0.01, gt=0)
    half_life_days: float = Field(7.0, gt=0)
    history_days: float = Field(90.0, gt=0)
    window_hours: float = Field(24.0, gt=0)
    min_samples: int = Field(10, ge=1)
    max_replicas: int = Field(6, ge=0)
    min_rows: int = Field(1_000_000, ge=0)
    min_row_groups: int = Field(16, ge=0)
    bandit: Bandit = "contextual"
    seed: int = 0
    storage_price_gb_month: float = Field(0.023, ge=0)
    compute_price_hour: float = Field(0.10, ge=0)
    share_measured: float = Field(0.25, ge=0, le=1)
    log_buffer_rows: int = Field(256, ge=1)
    log_buffer_seconds: float = Field(5.0, gt=0)
    nyc_taxi_url: str = Field(
        "https://d37ci6vzurychx.cloudfront.net/trip-data", validation_alias=_named("nyc_taxi_url")
    )
    download_timeout_seconds: float = Field(20.0, gt=0)

    if not TYPE_CHECKING:  # type checkers take the arguments from the fields

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise _refused(error) from error


def _refused(error: ValidationError) -> ParameterError:
    reasons = "; ".join(
        f"{'.'.join(map(str, one['loc'])).lower() or 'a setting'} is {one['input']!r}: {one['msg']}"
        for one in error.errors(include_url=False)
    )
    return ParameterError(
        f"The settings of tuning cannot be used: {reasons}. Nothing was changed. Correct the argument, "
        "or the variable of the environment that it comes from."
    )
