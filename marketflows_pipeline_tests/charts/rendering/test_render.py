from __future__ import annotations

import math
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import altair as alt
import polars as pl
import pytest
from PIL import Image

from marketflows_pipeline.charts.rendering import pool as rendering_pool
from marketflows_pipeline.charts.rendering.manifest import MANIFEST_NAME, Manifest
from marketflows_pipeline.charts.rendering.plan import RenderJob, chart_job, input_digest
from marketflows_pipeline.charts.rendering.pool import DrawingError, DrawingPool, worker_count
from marketflows_pipeline.charts.rendering.render import THUMBNAIL_BYTES, Drawing, render_all
from marketflows_pipeline.charts.spec import ChartSpec, Spec
from marketflows_pipeline.errors import RenderError
from marketflows_pipeline_tests.charts.frames import chart_spec, gain_frame, gain_spec, grid_frame

pytestmark = pytest.mark.slow

TWO = grid_frame({"ai": [1.0, 1.2, 1.4], "layer-1": [1.0, None, 0.8]})
CHART = chart_job(TWO, chart_spec())
TABLE = chart_job(gain_frame([("ai", 168, 3.0, None), ("ai", 24, None, "gap")]), gain_spec())
EMPTY = chart_job(grid_frame({"ai": [None, None]}), chart_spec(ema_period=20))


def draw_badly(frame: pl.DataFrame, spec: Spec) -> alt.Chart:
    raise RuntimeError(f"cannot draw {frame.height} rows")


def draw_nonsense(frame: pl.DataFrame, spec: Spec) -> alt.Chart:
    chart: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_text(text="x")
    return chart.properties(width="nonsense")


class Badly(ChartSpec):
    draw = f"{__name__}:draw_badly"


class Nonsense(ChartSpec):
    draw = f"{__name__}:draw_nonsense"


def broken(kind: type[ChartSpec]) -> RenderJob:
    return RenderJob(TWO, kind(**vars(chart_spec(category=kind.__name__))))


def test_one_picture_of_each_kind_has_the_promised_pixels(tmp_path: Path) -> None:
    report = render_all([CHART, TABLE], tmp_path)

    assert report.drawn == (CHART.file_name, TABLE.file_name)
    assert pixels(tmp_path / CHART.file_name) == (1920, 1440)
    assert count_colours(tmp_path / CHART.file_name) > 20
    assert pixels(tmp_path / TABLE.file_name)[0] == 1120


def test_at_scale_one_a_chart_has_the_references_pixels(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1)

    assert pixels(tmp_path / CHART.file_name) == (960, 720)


def test_nothing_is_drawn_again_while_nothing_changed(tmp_path: Path) -> None:
    render_all([CHART, TABLE], tmp_path, 1)
    before = stamps(tmp_path)
    reread = replace(CHART, frame=TWO.clone())

    report = render_all([reread, TABLE], tmp_path, 1)

    assert (report.drawn, report.unchanged) == ((), (CHART.file_name, TABLE.file_name))
    assert stamps(tmp_path) == before


def test_an_unchanged_run_does_not_even_load_altair(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1)
    program = (
        "import sys; from pathlib import Path; from marketflows_pipeline_tests.charts.frames import *;"
        "from marketflows_pipeline.charts.rendering.plan import chart_job;"
        "from marketflows_pipeline.charts.rendering.render import render_all;"
        "frame = grid_frame({'ai': [1.0, 1.2, 1.4], 'layer-1': [1.0, None, 0.8]});"
        f"report = render_all([chart_job(frame, chart_spec())], Path({str(tmp_path)!r}), 1);"
        "assert report.unchanged and not report.drawn; assert 'altair' not in sys.modules"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


@pytest.mark.parametrize(
    "changed",
    [
        chart_job(grid_frame({"ai": [1.0, 1.2, 1.5], "layer-1": [1.0, None, 0.8]}), chart_spec()),
        chart_job(TWO, chart_spec(notes=("stale",))),
        chart_job(TWO, chart_spec({"ai": "A.I.", "layer-1": "Layer 1"})),
    ],
)
def test_a_changed_figure_note_or_label_is_drawn_again(tmp_path: Path, changed: RenderJob) -> None:
    render_all([CHART], tmp_path, 1)

    assert render_all([changed], tmp_path, 1).drawn == (CHART.file_name,)


def test_another_scale_is_drawn_again(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1)

    assert render_all([CHART], tmp_path, 0.5).drawn == (CHART.file_name,)


def test_what_stands_under_a_null_does_not_count() -> None:
    hidden = pl.Series("value", [1.0, 7.0, 8.0])
    one = TWO.head(3).with_columns(value=pl.when(pl.Series([True, False, True])).then(hidden))
    other = one.with_columns(value=pl.Series("value", [1.0, math.nan, 8.0]))

    assert digest_of(one.get_column("value")) == digest_of(other.get_column("value"))


@pytest.mark.parametrize(
    "values", [[1.0, 1.2, 1.4], [1.0, 1.0, 1.0], [0.0, 0.0, 1e-9], [1e-7, -2e-7, 0.0], [1e12, 3e12]]
)
def test_noise_in_the_last_bits_of_a_sum_draws_nothing_again(values: list[float]) -> None:
    noisy = [value * (1 + 4e-16) for value in values]

    assert digest_of(pl.Series(noisy)) == digest_of(pl.Series(values))


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        ([1.0, 1.2, 1.4], [1.0, 1.2001, 1.4]),
        ([0.99999, 1.0, 1.00001], [0.99999, 1.00000001, 1.00001]),
        ([1.0, 1.2, 1.4], [1.1, 1.3, 1.5]),
        ([1.0, 1.2, 1.4], [1.0, None, 1.4]),
        ([1.0, 1.0], [2.0, 2.0]),
        ([0.0, 0.0], [None, None]),
    ],
)
def test_a_change_that_can_be_seen_counts(values: list[float | None], moved: list[float | None]) -> None:
    assert digest_of(pl.Series(values)) != digest_of(pl.Series(moved, dtype=pl.Float64))


def test_a_corrupted_picture_is_drawn_again(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1)
    path = tmp_path / CHART.file_name
    path.write_bytes(path.read_bytes()[:-100])

    assert render_all([CHART], tmp_path, 1).drawn == (CHART.file_name,)
    assert pixels(path) == (960, 720)


def test_stale_pictures_go_and_foreign_files_stay(tmp_path: Path) -> None:
    render_all([CHART, TABLE], tmp_path, 1)
    (tmp_path / "holiday.png").write_bytes(b"sunset")

    report = render_all([TABLE], tmp_path, 1)

    assert report.removed == (CHART.file_name,)
    assert {path.name for path in tmp_path.iterdir()} == {TABLE.file_name, "holiday.png", MANIFEST_NAME}
    assert (tmp_path / "holiday.png").read_bytes() == b"sunset"


def test_two_parts_share_a_folder(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1, part="market_caps")

    report = render_all([TABLE], tmp_path, 1, part="exchanges")

    assert report.removed == ()
    assert (tmp_path / CHART.file_name).exists()


def test_a_chart_with_nothing_to_show_is_skipped_with_the_reason_and_its_old_file_goes(tmp_path: Path) -> None:
    full = replace(EMPTY, frame=TWO)
    render_all([full, TABLE], tmp_path, 1)

    report = render_all([EMPTY, TABLE], tmp_path, 1)

    assert report.skipped == ((EMPTY.file_name, "no value in the window"),)
    assert report.removed == (EMPTY.file_name,)


def test_a_failing_chart_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    lacking = RenderJob(TWO.drop("value"), chart_spec(category="Lacking"))
    jobs = [broken(Badly), broken(Nonsense), lacking, CHART]

    with pytest.raises(RenderError, match="3 of 4 charts could not be drawn") as error:
        render_all(jobs, tmp_path, 1)

    assert "Badly_MC_by_us-dollar.png: RuntimeError: cannot draw 6 rows" in str(error.value)
    assert "Nonsense_MC_by_us-dollar.png" in str(error.value)
    assert "Lacking_MC_by_us-dollar.png: the frame lacks value" in str(error.value)
    assert pixels(tmp_path / CHART.file_name) == (960, 720)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(RenderError, match=r"charts cannot be written to .*taken: it is no folder; move it away"):
        render_all([CHART], tmp_path / "taken")


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / CHART.file_name).mkdir()

    with pytest.raises(RenderError, match=r"Narratives_MC_by_us-dollar\.png cannot be written"):
        render_all([CHART], tmp_path)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=CHART.file_name):
        render_all([CHART, CHART], tmp_path)


def test_progress_counts_the_pictures_that_are_drawn(tmp_path: Path) -> None:
    render_all([CHART], tmp_path, 1)
    seen: list[tuple[int, int]] = []

    render_all([CHART, TABLE], tmp_path, 1, lambda done, total: seen.append((done, total)))

    assert seen == [(1, 1)]


def test_a_thumbnail_is_a_small_png(tmp_path: Path) -> None:
    busy = {f"s{place}": [1 + place * step / 300 for step in range(92)] for place in range(12)}
    job = chart_job(grid_frame(busy), chart_spec({series: series.upper() for series in busy}))

    small = render_all([job, TABLE], tmp_path, 1, shown=[job.file_name]).thumbnails

    assert list(small) == [job.file_name]
    png = small[job.file_name]
    assert len(png) <= THUMBNAIL_BYTES
    width, height = Image.open(BytesIO(png)).size
    assert width / height == pytest.approx(4 / 3, rel=0.02)
    assert width >= 240


def test_of_a_picture_that_is_up_to_date_no_thumbnail_is_made(tmp_path: Path) -> None:
    render_all([TABLE], tmp_path, 1)

    assert render_all([TABLE], tmp_path, 1, shown=[TABLE.file_name]).thumbnails == {}


def test_a_thumbnail_that_cannot_be_small_enough_is_refused_and_its_picture_stays(tmp_path: Path) -> None:
    with closing(Drawing(tmp_path, 0.5, thumbnail_bytes=100)) as drawing:
        drawing.begin("market_caps", [CHART, TABLE], [CHART.file_name])
        with pytest.raises(RenderError, match=r"1 of 2 charts .* as a thumbnail it needs more than 100 bytes"):
            drawing.finish("market_caps")
    assert {CHART.file_name, TABLE.file_name} <= {path.name for path in tmp_path.iterdir()}


def test_parts_begun_at_once_are_drawn_by_the_same_workers_into_one_record(tmp_path: Path) -> None:
    with closing(Drawing(tmp_path, 0.5)) as drawing:
        drawing.begin("market_caps", [CHART])
        drawing.begin("exchanges", [TABLE])
        reports = [drawing.finish(part).drawn for part in ("exchanges", "market_caps")]
        assert len(drawing._pool._started) == 1

    assert reports == [(TABLE.file_name,), (CHART.file_name,)]
    assert render_all([CHART], tmp_path, 0.5).drawn == ()
    assert render_all([TABLE], tmp_path, 0.5, part="exchanges").drawn == ()


def test_other_charts_stand_once_all_that_was_begun_is_drawn(tmp_path: Path) -> None:
    def stand_after(**parts: RenderJob | None) -> list[bool]:
        with closing(Drawing(tmp_path, 0.3)) as drawing:
            for part, job in parts.items():
                drawing.begin(part, [job] if job else [])
            stand = []
            for part in parts:
                drawing.finish(part)
                stand.append(drawing.other_charts_stand())
            return stand

    assert stand_after(exchanges=CHART, market_caps=TABLE) == [False, True]
    assert stand_after(exchanges=CHART, market_caps=TABLE) == [False, False]
    changed = RenderJob(TWO, chart_spec(notes=("another note",)))
    assert stand_after(exchanges=changed, market_caps=TABLE) == [False, False]
    assert stand_after(exchanges=None) == [True]


def test_a_picture_is_written_before_anybody_waits_for_it(tmp_path: Path) -> None:
    """A run that is killed while it fetches the next part keeps what was drawn meanwhile."""
    with closing(Drawing(tmp_path, 0.5)) as drawing:
        drawing.begin("market_caps", [CHART])
        drawing._begun["market_caps"].drawn[0].result()

        assert Manifest.read(tmp_path).entries[CHART.file_name].part == "market_caps"
        assert (tmp_path / CHART.file_name).exists()


def test_the_folder_tells_of_which_part_pictures_stand(tmp_path: Path) -> None:
    with closing(Drawing(tmp_path)) as drawing:
        assert not drawing.has_drawn("market_caps")
    render_all([CHART], tmp_path, part="market_caps")
    with closing(Drawing(tmp_path)) as drawing:
        assert drawing.has_drawn("market_caps")
        assert not drawing.has_drawn("exchanges")


def test_where_nothing_is_due_no_worker_is_started(tmp_path: Path) -> None:
    render_all([TABLE], tmp_path, 0.5)
    with closing(Drawing(tmp_path, 0.5)) as drawing:
        drawing.begin("market_caps", [TABLE])
        drawing.finish("market_caps")

        assert drawing._pool._started == []


def test_odd_letters_in_labels_can_be_drawn(tmp_path: Path) -> None:
    odd = {f's,"{place}': f"\"S\" 'x' {place}, \u00e9\\" for place in range(13)}
    gains = gain_frame([(series, 168, 1.0, None) for series in odd])
    chart = chart_job(grid_frame({series: [1.0, 1.1] for series in odd}), chart_spec(odd))

    assert len(render_all([chart, chart_job(gains, gain_spec(odd))], tmp_path, 1).drawn) == 2


@pytest.mark.parametrize("series_count", [2, 13], ids=["at their lines", "in a legend"])
@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0c", "\x1f", "\n", "\ufffe"])
def test_a_control_character_in_a_name_costs_no_picture(tmp_path: Path, character: str, series_count: int) -> None:
    """One in a coin's name killed the renderer, which passes texts on as XML."""
    odd = {f"s{character}{place}": f"S{character}{place}" for place in range(series_count)}
    gains = gain_frame([(series, 168, 1.0, None) for series in odd])
    chart = chart_job(grid_frame({series: [1.0, 1.1] for series in odd}), chart_spec(odd))

    assert len(render_all([chart, chart_job(gains, gain_spec(odd))], tmp_path, 0.5).drawn) == 2


@pytest.fixture
def pool() -> Iterator[DrawingPool]:
    made = DrawingPool(1)
    yield made
    made.close()


TINY = {"data": {"values": [{}]}, "mark": "point", "width": 10, "height": 10}


def test_a_worker_that_dies_costs_one_picture(pool: DrawingPool) -> None:
    pool.submit(TINY, 1).result()
    pool._started[0].kill()

    with pytest.raises(DrawingError, match="the renderer died over it"):
        pool.submit(TINY, 1).result()
    assert pool.submit(TINY, 1).result().startswith(b"\x89PNG")


def test_a_closed_pool_leaves_no_process_behind() -> None:
    pool = DrawingPool(2)
    pool.submit(TINY, 1)
    pool.close()

    assert all(process.poll() is not None for process in pool._started)


def test_a_picture_that_waits_for_a_worker_that_dies_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = rendering_pool._started_worker
    dead = [subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)]
    monkeypatch.setattr(rendering_pool, "_started_worker", lambda: dead.pop() if dead else begin())
    with closing(DrawingPool(2)) as pool:
        both = [pool.submit(TINY, 1) for _ in range(2)]

        assert sorted(each.exception() is None for each in both) == [False, True]


def test_a_pool_can_be_closed_while_pictures_wait_for_its_worker() -> None:
    pool = DrawingPool(2)
    waiting = [pool.submit(TINY, 1) for _ in range(3)]
    pool.close()

    assert all(each.done() for each in waiting)


@pytest.mark.parametrize(("pictures", "workers"), [(1, 1), (5, 1)])
def test_few_pictures_are_drawn_by_one_worker(pictures: int, workers: int) -> None:
    assert worker_count(pictures) == workers
    assert 1 <= worker_count(1000) <= 4


def digest_of(values: pl.Series) -> str:
    return input_digest(replace(CHART, frame=values.alias("value").to_frame()), "engine")


def pixels(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def count_colours(path: Path) -> int:
    return len(Image.open(path).convert("RGB").getcolors(maxcolors=1 << 24) or [])


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
