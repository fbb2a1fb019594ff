"""Charts of tuning, drawn by Altair and turned into SVG by vl-convert: no network, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.reports.tuning_report import TuningReport

_WIDTH, _HEIGHT = 820, 220
_FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
_LONGEST_LABEL = 46


def report_charts(report: TuningReport) -> list[tuple[str, str]]:
    """Return titles and SVGs of the charts for which there is something to show.

    Raises:
        MissingDependencyError: Altair or vl-convert is not installed.
    """
    try:
        import altair as alt
        import vl_convert
    except ImportError as error:
        raise MissingDependencyError.of("altair and vl-convert", "charts", "A chart") from error
    layouts = [one.layout_id for one in report.status.layouts]
    specs = [
        ("Latency over the log", _latency(alt, report, layouts)),
        ("Who answered", _shares(alt, report, layouts)),
        ("Kinds of question", _kinds(alt, report, layouts)),
        ("Reward over time", _rewards(alt, report, layouts)),
    ]
    return [
        (title, vl_convert.vegalite_to_svg(chart.to_dict()))
        for title, chart in specs
        if chart is not None
    ]


def _latency(alt: Any, report: TuningReport, layouts: Sequence[str]) -> Any:
    rows = [
        {"question": one.until_query, "layout": one.layout, "ms": one.avg_latency_ms}
        for one in report.stretches
    ]
    if not rows:
        return None
    chart = alt.Chart(_data(alt, rows)).mark_line(point=True, strokeWidth=2)
    return _styled(
        chart.encode(
            x=alt.X("question:Q", title="questions so far"),
            y=alt.Y("ms:Q", title="mean latency, ms", scale=alt.Scale(zero=True)),
            color=_color(alt, layouts),
        )
    )


def _shares(alt: Any, report: TuningReport, layouts: Sequence[str]) -> Any:
    rows = [
        {"question": one.until_query, "layout": one.layout, "queries": one.queries}
        for one in report.stretches
    ]
    if not rows:
        return None
    chart = alt.Chart(_data(alt, rows)).mark_bar()
    ends = sorted({one.until_query for one in report.stretches})
    shown = ends[:: max(1, len(ends) // 8)]
    return _styled(
        chart.encode(
            x=alt.X(
                "question:O",
                title="questions so far",
                axis=alt.Axis(values=shown, labelAngle=0),
            ),
            y=alt.Y(
                "queries:Q",
                stack="normalize",
                title="share of questions",
                axis=alt.Axis(format="%"),
            ),
            color=_color(alt, layouts),
        )
    )


def _kinds(alt: Any, report: TuningReport, layouts: Sequence[str]) -> Any:
    names = {one.cluster_id: _label(one.example) for one in report.status.kinds}
    rows = [
        {
            "kind": f"{names[one.cluster_id]} · {one.cluster_id[-4:]}",
            "layout": one.layout,
            "ms": one.avg_latency_ms,
        }
        for one in report.routing
        if one.cluster_id in names
    ]
    if not rows:
        return None
    chart = alt.Chart(_data(alt, rows)).mark_bar()
    return _styled(
        chart.encode(
            y=alt.Y("kind:N", title=None, axis=alt.Axis(labelLimit=330)),
            yOffset=alt.YOffset("layout:N", sort=list(layouts)),
            x=alt.X("ms:Q", title="mean latency, ms"),
            color=_color(alt, layouts),
        ),
        height=alt.Step(12),
        width=560,
    )


def _rewards(alt: Any, report: TuningReport, layouts: Sequence[str]) -> Any:
    rows = [
        {"at": one.window_end.isoformat(), "layout": one.layout, "reward": one.reward}
        for one in report.evaluations
        if one.cluster_id is None and one.reward is not None
    ]
    if len({row["at"] for row in rows}) < 2:  # noqa: PLR2004 (one moment is no time)
        return None
    chart = alt.Chart(_data(alt, rows)).mark_line(point=alt.OverlayMarkDef(size=70), strokeWidth=2)
    return _styled(
        chart.encode(
            x=alt.X(
                "at:T",
                title="end of the window, UTC",
                scale=alt.Scale(type="utc"),
                axis=alt.Axis(format="%m-%d %H:%M:%S", tickCount=5),
            ),
            y=alt.Y("reward:Q", title="reward"),
            color=_color(alt, layouts),
        )
    )


def _data(alt: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    return alt.Data(values=list(rows))


def _color(alt: Any, layouts: Sequence[str]) -> Any:
    scale = alt.Scale(domain=list(layouts), scheme="tableau10")
    legend = alt.Legend(orient="top", title=None, labelLimit=300)
    return alt.Color("layout:N", scale=scale, legend=legend)


def _styled(chart: Any, height: Any = _HEIGHT, width: int = _WIDTH) -> Any:
    return (
        chart.properties(width=width, height=height)
        .configure(font=_FONT, background="white")
        .configure_view(stroke=None)
        .configure_axis(gridColor="#e6e6e6", labelFontSize=11, titleFontSize=12)
        .configure_legend(labelFontSize=12)
    )


def _label(text: str) -> str:
    line = " ".join(text.split())
    begin = line.upper().find(" WHERE ")
    shown = line[begin + 7 :] if begin >= 0 else line
    return shown if len(shown) <= _LONGEST_LABEL else shown[: _LONGEST_LABEL - 1] + "…"
