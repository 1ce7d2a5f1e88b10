"""Write RESULTS.md: each measurement beside its target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]

HEAD = """# Measured

Written by `make bench` (`python -m benchmarks`); `make bench FLAGS="--only runs"` repeats one part. Ours stands beside
the published `marketflows` 0.1.1, which runs in an environment of its own. Both get the same figures, on the same
machine, taking turns; numbers are medians, ratios are how many times faster we are.
"""

# What stands between us and a target, and what was tried; shown with the figures of its part.
LIMITS = {
    "runs": """
**The first run** does what the published program does not: every attempt is on record before it is sent, every
history is committed with its note before the next is asked for, and a killed run loses none of it; then it measures,
checks, tells events and writes a page. The other half is drawing on both processors, of which the letters of texts
take most (see below). To reach the target all of it together had to take half of what it takes.

- Done: a history and its note in one transaction, attempts in a journal (105 waits for the disk for 100 histories
  instead of 305); single rows as parameters instead of frames (2 ms instead of 8); one DuckDB thread for many small
  writes; arrays of an answer that agree become one frame without joins. Layers that Altair need not copy halved
  building the pictures' specifications; one pool of workers draws while later parts are fetched.
- Left: committing several histories at once, or fetching ahead of the writer. Both would be faster, and both would
  lose more than one answer to a kill.

**The next run** had taken 2.0 s in the job before there were a page, a brief, measures on closes and their checks;
with these it took 7.1 s at first. Its profile is flat, and **the limit is the frame, not the figures**. Of some 5.3 s
from the shell, as a sampling profiler saw them: before the job, importing and Dagster's record of a new run 1.3; then
requests and what is looked at before and after them 0.65, publishing 0.45, the page 0.5, deciding that no picture is
due 0.5, measures and checks 0.7; the tables themselves 0.6, much of it storing; Dagster's own work for 30 steps and
370 events is in all of these.

- Done: a run history that does not wait for the disk at each event (a third of the time), events that come together
  in one transaction; the checks of a table in one step; exact sums, so that noise in the last bits draws nothing
  again; a garbage collector that leaves what is loaded alone; specifications of the page kept from the hour before,
  so that an hour loads no Altair; measures whose inputs are as they were are left; what pictures are drawn from is
  hashed by numpy.
- Tried without gain: no garbage collection at all; one thread for polars.
- Left: leaving out the tables of an hour on which no step of the grid closes, a tenth, and of use to daily windows
  alone; fewer and larger assets, which would cost the one-table-one-asset view of the graph; Dagster's tables written
  by hand, which its next version would break.
""",
}

COMMANDS = {
    "analysis": "python -m benchmarks.analysis",
    "charts": "python -m benchmarks.charts",
    "runs": "python -m benchmarks.runs",
    "publish": "python -m benchmarks.publish",
    "reserves": "python -m benchmarks.reserves",
    "answers": "python -m benchmarks.answers",
    "cross_asset": "python -m benchmarks.cross_asset",
    "models": "python -m benchmarks.models",
    "recovery": "python -m benchmarks.recovery",
    "placebo": "python -m benchmarks.placebo",
    "measures": "python -m benchmarks.measures",
}

# Sections that no program writes; they stay as they stand.
BY_HAND = (
    "Set-up, tests and tutorial before and after",
    "Drawing, histories and the catalog before and after",
    "Memory at size",
)


@dataclass(frozen=True)
class Row:
    """One target and what was found.

    Attributes:
        what: what was measured.
        target: what was asked for.
        ours: our figure.
        reference: the published program's, where it has one.
        ratio: theirs by ours.
        is_met: whether the target is met.
    """

    what: str
    target: str
    ours: str
    reference: str
    ratio: str
    is_met: bool

    def __str__(self) -> str:
        met = "yes" if self.is_met else "**no**"
        return f"| {self.what} | {self.target} | {self.ours} | {self.reference} | {self.ratio} | {met} |"


def faster(what: str, least: float, ours: float, reference: float, unit: str = "s") -> Row:
    """A row of durations: the reference's must be at least `least` times ours."""
    ratio = reference / ours
    figures = (f"{seconds:.3g} {unit}" for seconds in (ours, reference))
    return Row(what, f">= {least:g}x", *figures, f"{ratio:.1f}x", ratio >= least)


def analysis_rows(found: Results) -> Iterator[Row]:
    small, large, memory = found["300 coins"], found["3000 coins"], found["5000 coins"]
    yield faster("analysis, 300 coins x 2,161 hourly points", 10, small["seconds"], small["published_seconds"])
    yield faster("analysis, 3,000 coins x 2,161", 20, large["seconds"], large["published_seconds"])
    per_row, at_small = large["nanoseconds_per_row"], small["nanoseconds_per_row"]
    yield Row(
        "our cost per row at 3,000 coins",
        f"<= {at_small:.0f} ns, as at 300",
        f"{per_row:.0f} ns",
        "",
        "",
        per_row <= at_small,
    )
    peak = memory["peak_rss_gb"]
    yield Row("analysis, 5,000 coins: peak memory", "<= 2.5 GB", f"{peak:.2f} GB", "", "", peak <= 2.5)


def charts_rows(found: Results) -> Iterator[Row]:
    for kind in ("daily", "hourly"):
        rates = found[kind]
        theirs = f"{rates['reference_png_per_s']:.1f}/s"
        for scale, least, rate, ratio in (
            ("960 x 720", 1.6, rates["ours_png_per_s"], rates["ratio"]),
            ("1920 x 1440, theirs at 960 x 720", 1.0, rates["ours_png_per_s_at_2x"], rates["ratio_at_2x"]),
        ):
            yield Row(
                f"PNGs of {kind} data, {scale}",
                f">= {least:g}x",
                f"{rate:.1f}/s",
                theirs,
                f"{ratio:.2f}x",
                ratio >= least,
            )


def runs_rows(found: Results) -> Iterator[Row]:
    published, first, later, calls = (found[name] for name in ("published", "first", "next", "calls"))
    coins = found["coins"]
    yield faster(f"first run from the shell, {coins} coins", 1.5, first["shell_s"], published["shell_s"])
    yield faster("next hourly run, job start to job end", 8, later["job_s"], published["job_s"])
    yield faster("next hourly run, from the shell", 4, later["shell_s"], published["shell_s"])
    kept = later["pictures_left_as_they_were"]
    yield Row("its pictures, whose data did not change", "not redrawn", "left" if kept else "redrawn", "", "", kept)
    yield Row(
        f"calls of the second hourly run, {calls['coins']} coins, 2 narratives",
        "<= 6",
        str(calls["ours"]),
        str(calls["published"]),
        f"{calls['published'] / calls['ours']:.0f}x",
        calls["ours"] <= 6,
    )


def publish_rows(found: Results) -> Iterator[Row]:
    whole, asked = found["large_file"], found["large_file"]["while_a_reader_asks"]
    yield Row(
        f"publish of {whole['size_gb']:.2f} GB",
        f"<= {whole['target_s']:.2f} s",
        f"{whole['publish_s']:.2f} s",
        f"a plain copy: {whole['plain_copy_s']:.2f} s",
        "",
        whole["publish_s"] <= whole["target_s"],
    )
    yield Row(
        f"slowest of {asked['queries']} queries meanwhile",
        "no reader waits for it",
        f"{asked['slowest_s']:.2f} s",
        "",
        "",
        asked["slowest_s"] < asked["publish_s"],
    )


def reserves_rows(found: Results) -> Iterator[Row]:
    """The reference here is a plain script: the published program reads no reserves."""
    us, plain = found["ours"], found["plain"]
    what = f"{found['answer_mb']:.0f} MB of one exchange's reserves, {us['rows']:,} rows"
    for figure, limit, unit, is_said in (
        ("seconds", 3, "s", "read, parsed and stored"),
        ("peak_mb_above_idle", 400, "MB", "peak memory above the idle process"),
    ):
        yield Row(
            f"{what}: {is_said}",
            f"<= {limit} {unit}",
            f"{us[figure]:.3g} {unit}",
            f"a plain script: {plain[figure]:.3g} {unit}",
            f"{plain[figure] / us[figure]:.1f}x",
            us[figure] <= limit,
        )


def answers_rows(found: Results) -> Iterator[Row]:
    target = found["target_s"]
    for command, took in found["commands_s"].items():
        yield Row(
            f"`marketflows {command}`, a fresh process",
            f"<= {target:.2f} s",
            f"{took:.2f} s",
            f"`import duckdb`: {found['import_duckdb_s']:.2f} s",
            "",
            took <= target,
        )


def cross_asset_rows(found: Results) -> Iterator[Row]:
    """The reference here is the same computation in plain pandas, which finds the same figures."""
    ours, plain = found["ours"]["seconds"], found["pandas"]["seconds"]
    yield Row(
        f"all derived tables, {found['symbols']} symbols x {found['sessions']:,} sessions",
        "<= 1 s",
        f"{ours:.2f} s",
        f"plain pandas: {plain:.2f} s",
        f"{found['ratio']:.1f}x",
        ours <= 1,
    )


def models_rows(found: Results) -> Iterator[Row]:
    horizons = " and ".join(map(str, found["horizons"]))
    what = f"walk-forward with baselines and intervals, {found['assets']} assets, {found['sessions']:,.0f} sessions"
    yield Row(
        f"{what}, horizons {horizons}, logistic", "<= 60 s", f"{found['seconds']:.0f} s", "", "", found["seconds"] <= 60
    )
    peak = found["peak_mb"]
    yield Row("its peak memory", "<= 1,000 MB", f"{peak:,.0f} MB", "", "", peak <= 1000)


def recovery_rows(found: Results) -> Iterator[Row]:
    for horizon, each in found.items():
        markets, bias, error = each["markets"], each["bias"], each["standard_error"]
        yield Row(
            f"mean AUC of assets found in {markets} made-up markets, {horizon} sessions ahead",
            f"no more than the injected {each['planted_auc']:.3f}",
            f"{each['mean_auc']:.3f} (bias {bias:+.3f}, standard error {error:.3f})",
            "",
            "",
            bias <= 2 * error,
        )
        yield Row(
            f"95 % intervals that hold the injected one, {horizon} sessions ahead",
            "none wholly above it",
            f"{each['covered']} of {markets}; {each['above']} wholly above",
            "",
            "",
            each["above"] == 0,
        )


def placebo_rows(found: Results) -> Iterator[Row]:
    for horizon, each in found["horizons"].items():
        what = f"{found['draws']} trainings on permuted labels of {each['rows']:,} rows, {horizon} sessions ahead"
        (lower, _, upper), (least, _, most) = each["auc"], each["brier_skill"]
        bands = f"mean AUC of assets {lower:.3f} to {upper:.3f}, Brier skill {least:+.2%} to {most:+.2%}"
        yield Row(what, "AUC's band holds 0.5", bands, "", "", lower <= 0.5 <= upper)
        yield Row("processor's time for those", "<= 120 s", f"{each['cpu_s']:.0f} s", "", "", each["cpu_s"] <= 120)


def measures_rows(found: Results) -> Iterator[Row]:
    """What closes, index, breadth, attribution, migration and rotation add to a run."""
    for grid in ("hourly", "daily"):
        small = found[f"300 coins, {grid}"]
        for case, most in (("next_hour", 0.5), ("day_closes", 2.0)):
            seconds = small[case]["clock_s"]
            what = f"measures on closes, 300 coins, {grid}: {case.replace('_', ' ')}"
            yield Row(what, f"<= {most:g} s", f"{seconds:.2f} s", "", "", seconds <= most)
        large = found[f"3000 coins, {grid}"]
        cost, at_small = large["day_closes"]["clock_s"] / 3000, small["day_closes"]["clock_s"] / 300
        what = f"the same per coin at 3,000 coins, {grid}, a day closes"
        yield Row(what, f"<= {1e3 * at_small:.1f} ms", f"{1e3 * cost:.1f} ms", "", "", cost <= at_small)


ROWS = {
    "analysis": analysis_rows,
    "charts": charts_rows,
    "runs": runs_rows,
    "publish": publish_rows,
    "reserves": reserves_rows,
    "answers": answers_rows,
    "cross_asset": cross_asset_rows,
    "models": models_rows,
    "recovery": recovery_rows,
    "placebo": placebo_rows,
    "measures": measures_rows,
}


def markdown(measured: Mapping[str, Results], machine: Mapping[str, str], before: str = "") -> str:
    """The whole page; a part that was not measured here keeps its section of the page before.

    Args:
        measured: part to ``taken_at``, ``load_before``, ``load_after`` and ``found``, as `benchmarks` stores them.
        machine: what it was measured on.
    """
    lines = [HEAD, "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in machine.items())]
    for part, rows in ROWS.items():
        if part not in measured:
            lines += section(before, part)
            continue
        record = measured[part]
        lines += [
            f"\n## {title(part)}\n",
            f"`{COMMANDS[part]}`, {record['taken_at']} UTC, load average {record['load_before']} before and "
            f"{record['load_after']} after.\n",
            "| what | target | ours | reference | ratio | met |",
            "|---|---|---|---|---|---|",
            *map(str, rows(record["found"])),
        ]
        if part == "runs":
            lines += _where_time_goes(record["found"])
        lines += [LIMITS[part]] if part in LIMITS else []
    for part in BY_HAND:
        lines += section(before, part)
    return "\n".join(lines) + "\n"


def title(part: str) -> str:
    """Heading of a part's section."""
    return part.replace("_", " ").capitalize()


def section(page: str, part: str) -> list[str]:
    """Lines of a part's section in a page, none where it has none."""
    heading = f"\n## {title(part)}\n"
    if heading not in page:
        return []
    return [heading + page.split(heading, 1)[1].split("\n## ", 1)[0].rstrip("\n")]


def _where_time_goes(found: Results) -> Iterator[str]:
    pictures = found["pictures"]
    yield (
        f"\nPictures of a run: ours {pictures['ours']['pictures']} with {pictures['ours']['megapixels']} megapixels, "
        f"theirs {pictures['published']['pictures']} with {pictures['published']['megapixels']}. Processor seconds of "
        f"a whole run: theirs {found['published']['cpu_s']:.1f}, ours {found['first']['cpu_s']:.1f} at first and "
        f"{found['next']['cpu_s']:.1f} later. The service is a local fake without limits, so neither program waits "
        "for it; on a real plan both first runs take as long as the plan's calls a minute demand."
    )
    yield "\nWhere our time goes, in seconds (the last round):\n"
    yield "| | first run | next run |"
    yield "|---|---|---|"
    first, later = found["first"], found["next"]
    yield f"| before and after the job: interpreter, imports, Dagster | {_around(first)} | {_around(later)} |"
    names = dict.fromkeys([*first["slowest_steps_s"], *later["slowest_steps_s"]])
    for name in names:
        times = (run["slowest_steps_s"].get(name) for run in (first, later))
        yield f"| {name} | {' | '.join('' if took is None else f'{took:.2f}' for took in times)} |"
    yield f"| all {first['steps']} steps | {first['steps_s']:.2f} | {later['steps_s']:.2f} |"


def _around(run: Results) -> str:
    return f"{run['shell_s'] - run['job_s']:.2f}"
