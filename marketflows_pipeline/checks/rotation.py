"""What must hold of the tables of a rotation, the same for every part that has them."""

from marketflows_pipeline.checks.model import WORST, Check, sql_check
from marketflows_pipeline.transforms.rotation.plane import CENTRE, DAILY
from marketflows_pipeline.warehouse.accepted import accepted_name

# With the present step in the window no z-score is beyond it: 4.36 of the longest window.
MOST = (DAILY.window - 1) / DAILY.window**0.5 + 1e-6


def rotation_checks(points: str) -> list[Check]:
    """Those of a table of points, of the log of stays beside it, and of its placebo."""
    log, placebo = f"{points}_log", f"{points}_placebo"

    @sql_check(points, "Each point stands in its quadrant, at most 4.36 from the centre on either axis.", most=MOST)
    def points_stand_in_their_quadrants() -> str:
        """None stands further out than its window allows."""
        return f"""
        select universe, series, benchmark, ts, ratio, momentum, quadrant from {accepted_name(points)}
        where quadrant is distinct from case
            when momentum is null then null
            when ratio >= {CENTRE} and momentum >= {CENTRE} then 'leading'
            when ratio >= {CENTRE} then 'weakening'
            when momentum >= {CENTRE} then 'improving'
            else 'lagging' end
           or abs(ratio - {CENTRE}) > {MOST} or abs(momentum - {CENTRE}) > {MOST}
        order by ts desc limit {WORST}
        """

    @sql_check(log, "Each point with a quadrant lies in one stay in that quadrant, and every stay begins with one.")
    def stays_cover_the_points() -> str:
        """The log tells the same as the points."""
        return f"""
        select points.series, points.benchmark, points.ts, points.quadrant, count(log.entered_at) as n_stays
        from {accepted_name(points)} points
        left join {accepted_name(log)} log
          on log.universe = points.universe and log.series = points.series and log.benchmark = points.benchmark
         and log.quadrant = points.quadrant and points.ts >= log.entered_at
         and points.ts < coalesce(log.left_at, timestamptz '9999-01-01 00:00:00Z')
        where points.quadrant is not null
        group by points.universe, points.series, points.benchmark, points.ts, points.quadrant
        having n_stays <> 1
        union all
        select log.series, log.benchmark, log.entered_at, log.quadrant, 0
        from {accepted_name(log)} log
        anti join {accepted_name(points)} points
          on log.universe = points.universe and log.series = points.series and log.benchmark = points.benchmark
         and log.quadrant = points.quadrant and points.ts = log.entered_at
        limit {WORST}
        """

    @sql_check(
        placebo, "Each band lies between its ends, shares between 0 and 100 %; without a band there is a reason."
    )
    def bands_are_bands() -> str:
        """What has no band says why."""
        return f"""
        select universe, benchmark, statistic, value, lower, upper, reason from {accepted_name(placebo)}
        where (lower is null) <> (reason is not null) or (upper is null) <> (reason is not null) or lower > upper
           or (statistic like '%_pct' and (least(value, lower) < 0 or greatest(value, upper) > 100))
        limit {WORST}
        """

    return [points_stand_in_their_quadrants, stays_cover_the_points, bands_are_bands]
