//! Lines on logarithmic axes, with a mark at each point and the last value beside it.

use std::ops::Range;

use plotters::element::{DynElement, IntoDynElement};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Area, COLORS, FOOT, HEAD, Panel, SIDE, text};

const MARK: i32 = 5;
/// The distance between two lines of text.
const LINE: i32 = text::LABEL as i32 + 3;

/// The labels of a plot, and the room that they need.
struct Layout {
    /// The labels of the horizontal axis.
    horizontal: Vec<f64>,
    /// The horizontal axis reaches from its first label to its last, with room for marks at both ends.
    range: Range<f64>,
    vertical: Vec<f64>,
    /// The width of the last values.
    right: u32,
}

impl Layout {
    fn new(points: &[Vec<(f64, f64)>]) -> Layout {
        let horizontal: Vec<_> = points[0].iter().map(|(x, _)| *x).collect();
        let (first, last) = (horizontal[0], horizontal[horizontal.len() - 1]);
        let room = (last / first).max(2.0).powf(0.05);
        let ends = points.iter().filter_map(|points| points.last());
        Layout {
            horizontal,
            range: first / room..last * room,
            vertical: powers(points.iter().flatten().map(|(_, y)| *y)),
            right: text::widest(ends.map(|(_, y)| *y)) + SIDE,
        }
    }

    /// The distance between the two closest labels of the horizontal axis, as a share of it.
    fn closest_labels(&self) -> f64 {
        let whole = (self.range.end / self.range.start).ln();
        let pairs = self.horizontal.windows(2);
        pairs
            .map(|pair| (pair[1] / pair[0]).ln() / whole)
            .fold(1.0, f64::min)
    }
}

/// The powers of ten around `values`, at least two of them. plotters would choose other multiples for
/// a short axis.
fn powers(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let (least, greatest) = values.fold((f64::INFINITY, 0.0), |(least, greatest), value| {
        (value.min(least), value.max(greatest))
    });
    let start = least.log10().floor() as i32;
    let end = (greatest.log10().ceil() as i32).max(start + 1);
    (start..=end).map(|power| 10f64.powi(power)).collect()
}

/// The width that keeps the labels of the horizontal axis apart.
pub fn width(points: &[Vec<(f64, f64)>]) -> u32 {
    let layout = Layout::new(points);
    let label = text::widest(layout.horizontal.iter().copied()) + 8;
    let plot = (f64::from(label) / layout.closest_labels()).ceil() as u32;
    plot.max(160) + text::axis_width(&layout.vertical) + SIDE + layout.right
}

pub fn draw(area: &Area, panel: &Panel, points: &[Vec<(f64, f64)>]) -> anyhow::Result<()> {
    let Layout {
        horizontal,
        range,
        vertical,
        right,
    } = Layout::new(points);
    let mut plot = ChartBuilder::on(area)
        .margin(SIDE)
        .margin_top(HEAD)
        .margin_right(right)
        .x_label_area_size(FOOT)
        .y_label_area_size(text::axis_width(&vertical))
        .build_cartesian_2d(
            range.log_scale().with_key_points(horizontal),
            (vertical[0]..vertical[vertical.len() - 1])
                .log_scale()
                .with_key_points(vertical),
        )?;
    let mut mesh = plot.configure_mesh();
    panel.style(&mut mesh);
    mesh.x_label_formatter(&|x| text::number(*x)).draw()?;

    panel.draw_title(area, plot.plotting_area().get_pixel_range().0)?;

    for (series, (points, color)) in points.iter().zip(COLORS).enumerate() {
        let points = points.iter().copied();
        plot.draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?;
        plot.draw_series(points.map(|at| mark(series, at, color)))?;
    }

    // The last values, from the top, at least a line apart.
    let last = points.iter().filter_map(|points| points.last());
    let mut ends: Vec<_> = last.map(|end| (plot.backend_coord(end), end.1)).collect();
    ends.sort_by_key(|((_, row), _)| *row);
    let style = text::style(text::LABEL).pos(Pos::new(HPos::Left, VPos::Center));
    let (left, top) = area.get_base_pixel();
    let mut free = i32::MIN;
    for ((column, row), value) in ends {
        let row = row.max(free);
        free = row + LINE;
        let at = (column - left + MARK + 4, row - top);
        area.draw_text(&text::number(value), &style, at)?;
    }
    Ok(())
}

/// The mark of a series, which tells it apart without color.
fn mark<'a>(
    series: usize,
    at: (f64, f64),
    color: RGBColor,
) -> DynElement<'static, SVGBackend<'a>, (f64, f64)> {
    match series % 3 {
        0 => Circle::new(at, MARK, color.filled()).into_dyn(),
        1 => TriangleMarker::new(at, MARK + 2, color.filled()).into_dyn(),
        _ => Cross::new(at, MARK, color.stroke_width(2)).into_dyn(),
    }
}
