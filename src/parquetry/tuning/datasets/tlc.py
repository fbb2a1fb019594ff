"""New York's taxi records, a month at a time, from the address where the city publishes them."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, ParameterError, ParquetryError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLORS = ("yellow", "green", "fhv", "fhvhv")
_FIRST_YEAR = 2009
_MONTHS = 12
_CHUNK_BYTES = 1 << 20
_MAGIC = b"PAR1"
_ABSENT = {403, 404, 410}  # the city's server refuses what it does not have


def month_url(base_url: str, color: str, year: int, month: int) -> str:
    """Return the address of a month.

    Raises:
        ParameterError: There is no such colour or month, or the address is none of the web's.
    """
    if color not in COLORS:
        raise ParameterError(
            f"color={color!r} is unknown; expected one of {', '.join(COLORS)}. Nothing was fetched."
        )
    if not 1 <= month <= _MONTHS or year < _FIRST_YEAR:
        raise ParameterError(
            f"There is no month {month} of {year} in the taxi records; expected 1 to 12, from "
            f"{_FIRST_YEAR} on. Nothing was fetched."
        )
    if urllib.parse.urlsplit(base_url).scheme not in {"http", "https"}:
        raise ParameterError(
            f"{base_url!r} is no address that can be fetched from; expected http:// or https://. "
            "Nothing was fetched. Set NYC_TAXI_URL, or leave it out."
        )
    return f"{base_url.rstrip('/')}/{color}_tripdata_{year}-{month:02}.parquet"


@contextmanager
def fetched(
    url: str,
    folder: str,
    *,
    timeout_seconds: float,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[str]:
    """Give the path of a file that was fetched, until it is not needed any more.

    Args:
        url: The address.
        folder: A folder that is there, in which the file stands meanwhile, in a hidden one of its own.
        timeout_seconds: How long the server may be silent.
        on_progress: Called with bytes done, bytes in all (0 if not known), and the address.

    Raises:
        NotFoundError: The server does not have it.
        StorageError: The server cannot be reached, or stopped in the middle, or the folder may not be
            written in.
    """
    with _hidden_folder(folder, url) as aside:
        path = f"{aside}/{url.rpartition('/')[2]}"
        try:
            _fetch(url, path, timeout_seconds, on_progress)
        except ParquetryError:
            raise
        except urllib.error.HTTPError as error:
            raise _refused(url, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(url, _reason(error)) from error
        yield path


def _hidden_folder(folder: str, url: str) -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        raise StorageError(
            f"{url} was not fetched, for {folder} cannot hold it meanwhile: {_reason(error)}. Nothing "
            "was loaded. Check the folder and its permissions.",
            path=folder,
        ) from error


def _fetch(
    url: str,
    path: str,
    timeout_seconds: float,
    on_progress: Callable[[int, int, str], None] | None,
) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "parquetry"})  # noqa: S310 (month_url)
    with (
        urllib.request.urlopen(request, timeout=timeout_seconds) as answer,  # noqa: S310 (month_url)
        open(path, "wb") as file,
    ):
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            if on_progress is not None:
                on_progress(done, max(total, done), url)
    if done < total:
        raise _unreachable(url, f"it sent {done:,} of {total:,} bytes")
    _check_is_parquet(url, path)


def _check_is_parquet(url: str, path: str) -> None:
    with open(path, "rb") as file:
        begin = file.read(len(_MAGIC))
    if begin != _MAGIC:
        raise _unreachable(url, "what came is no Parquet file; does something stand in between?")


def _refused(url: str, error: urllib.error.HTTPError) -> ParquetryError:
    with error:
        if error.code not in _ABSENT:
            return _unreachable(url, f"it answered {error.code} {error.reason}")
    return NotFoundError(
        f"There is nothing at {url} (the server answered {error.code}). Nothing was loaded. Months "
        "appear about two months late; try an earlier one.",
        path=url,
    )


def _unreachable(url: str, why: str) -> StorageError:
    return StorageError(
        f"The taxi records could not be fetched from {url}: {why}. Nothing was loaded. Without a "
        "network, get the file some other way and load it: parquetry load-dataset --table-name NAME "
        "--source-path FILE_OR_FOLDER. Another address can be set as NYC_TAXI_URL.",
        path=url,
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
