//! Lines with a mark at each point, and the value of the last one beside it.

use plotters::element::{DynElement, IntoDynElement};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::scale::Scale;
use crate::{Area, Axes, COLOURS, FOOT, HEAD, Panel, SIDE, text};

const MARK: i32 = 5;
/// The distance of two lines of text.
const LINE: i32 = text::LABEL as i32 + 3;

/// What the layout follows from.
struct Layout {
    horizontal: Scale,
    vertical: Scale,
    /// The room for the last values.
    right: u32,
}

impl Layout {
    fn new(points: &[Vec<(f64, f64)>], axes: Axes) -> Layout {
        let last = points.iter().filter_map(|points| points.last());
        Layout {
            horizontal: Scale::with_labels(axes, points[0].iter().map(|(x, _)| *x).collect()),
            vertical: Scale::around(axes, points.iter().flatten().map(|(_, y)| *y)),
            right: text::widest(last.map(|(_, y)| *y)) + SIDE,
        }
    }
}

/// The width that keeps the labels of the horizontal axis apart.
pub fn width(points: &[Vec<(f64, f64)>], axes: Axes) -> u32 {
    let Layout {
        horizontal,
        vertical,
        right,
    } = Layout::new(points, axes);
    let label = text::widest(horizontal.labels.iter().copied()) + 8;
    let plot = (f64::from(label) / horizontal.closest_labels()).ceil() as u32;
    plot.max(160) + text::axis_width(&vertical.labels) + SIDE + right
}

pub fn draw(
    area: &Area,
    panel: &Panel,
    points: &[Vec<(f64, f64)>],
    axes: Axes,
) -> anyhow::Result<()> {
    let Layout {
        horizontal,
        vertical,
        right,
    } = Layout::new(points, axes);
    let mut plot = ChartBuilder::on(area)
        .margin(SIDE)
        .margin_top(HEAD)
        .margin_right(right)
        .x_label_area_size(FOOT)
        .y_label_area_size(text::axis_width(&vertical.labels))
        .build_cartesian_2d(horizontal, vertical)?;
    plot.configure_mesh()
        .bold_line_style(text::GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text::style(text::LABEL))
        .axis_desc_style(text::style(text::LABEL))
        .x_desc(&panel.x)
        .y_desc(&panel.y)
        .x_label_formatter(&|x| text::number(*x))
        .y_label_formatter(&|y| text::number(*y))
        .draw()?;

    panel.draw_title(area, plot.plotting_area().get_pixel_range().0)?;

    for (series, (points, colour)) in points.iter().zip(COLOURS).enumerate() {
        let points = points.iter().copied();
        plot.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        plot.draw_series(points.map(|at| mark(series, at, colour)))?;
    }

    // The last values, from the top, none closer to the one before than a line.
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

/// The mark of a series: not by its colour alone are series told apart.
fn mark<'a>(
    series: usize,
    at: (f64, f64),
    colour: RGBColor,
) -> DynElement<'static, SVGBackend<'a>, (f64, f64)> {
    match series % 3 {
        0 => Circle::new(at, MARK, colour.filled()).into_dyn(),
        1 => TriangleMarker::new(at, MARK + 2, colour.filled()).into_dyn(),
        _ => Cross::new(at, MARK, colour.stroke_width(2)).into_dyn(),
    }
}
