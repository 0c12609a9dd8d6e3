"""Ticks on an axis of time, from seconds to decades, in the zone of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from fovea.report.wording import instant

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WEEK = 7 * _DAY
_SECONDS = (1, 2, 5, 10, 15, 30, *(m * _MINUTE for m in (1, 2, 5, 10, 15, 30)), *(h * _HOUR for h in (1, 2, 3, 6, 12)))
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH = 30.44 * _DAY
_YEAR = 12
_LAST_YEAR = 9998
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A moment on the axis, in seconds since 1970, with what is written below it."""

    at: float
    label: str
    strong: bool = False


def time_ticks(start: float, end: float, *, count: int, zone: tzinfo = UTC) -> tuple[TimeTick, ...]:
    """Round moments inside [start, end], no more than about ``count``.

    Args:
        start: seconds since 1970.
        end: seconds since 1970, after ``start``.
        count: how many ticks there is room for.
        zone: whose midnights and months are meant.
    """
    rough = (end - start) / max(1, count)
    first, last = datetime.fromtimestamp(start, zone), datetime.fromtimestamp(end, zone)
    for second in _SECONDS:
        if second >= rough:
            return _clock_ticks(first, last, second)
    for day in _DAYS:
        if day * _DAY >= rough:
            return _day_ticks(first, last, day)
    month = next((month for month in _MONTHS if month * _MONTH >= rough), _MONTHS[-1])
    return _month_ticks(first, last, month)


def _clock_ticks(first: datetime, last: datetime, step: int) -> tuple[TimeTick, ...]:
    form = "%H:%M:%S" if step < _MINUTE else "%H:%M"
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    moments = (day + timedelta(seconds=step * index) for index in range(int((last - day).total_seconds()) // step + 1))
    ticks = []
    for moment in _existing(moments, first, last):
        is_day = moment.hour == moment.minute == moment.second == 0
        ticks.append(TimeTick(instant(moment), _day(moment) if is_day else moment.strftime(form), is_day))
    return tuple(ticks)


def _day_ticks(first: datetime, last: datetime, step: int) -> tuple[TimeTick, ...]:
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    # counted from a Monday, so that weeks begin on Mondays and a shifted window keeps its ticks
    day -= timedelta(days=(day.toordinal() - 1) % step)
    moments = (day + timedelta(days=step * index) for index in range((last - day).days // step + 2))
    return tuple(
        TimeTick(instant(moment), _day(moment), moment.day <= step) for moment in _existing(moments, first, last)
    )


def _month_ticks(first: datetime, last: datetime, step: int) -> tuple[TimeTick, ...]:
    months = range((first.year * _YEAR + first.month - 1) // step * step, last.year * _YEAR + last.month, step)
    moments = (
        datetime(month // _YEAR, month % _YEAR + 1, 1, tzinfo=first.tzinfo)
        for month in months
        if 0 < month // _YEAR <= _LAST_YEAR
    )
    return tuple(
        TimeTick(instant(moment), _month(moment, step), step < _YEAR and moment.month == 1)
        for moment in _existing(moments, first, last)
    )


def _existing(moments: Iterator[datetime], first: datetime, last: datetime) -> Iterator[datetime]:
    """Those inside the window that the zone's clock really shows; an hour skipped in spring is left out."""
    for moment in moments:
        back = datetime.fromtimestamp(instant(moment), moment.tzinfo)
        if first <= moment <= last and back.replace(fold=0) == moment.replace(fold=0):
            yield moment


def _day(moment: datetime) -> str:
    return f"{moment.day} {_NAMES[moment.month - 1]}"


def _month(moment: datetime, step: int) -> str:
    if step >= _YEAR:
        return str(moment.year)
    return f"{_NAMES[moment.month - 1]} {moment.year}" if moment.month == 1 else _NAMES[moment.month - 1]
