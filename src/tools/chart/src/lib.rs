//! Draws the project's charts as SVG: a title, a legend, and panels of grouped bars or of lines.
//!
//! The same chart gives the same bytes on every machine. Fonts are the reader's, so the room for a
//! text is reckoned from its length, generously. The background is white in dark pages too.

mod bars;
mod legend;
mod lines;
mod scale;
mod text;

use std::ops::Range;

use anyhow::{Context, ensure};
use plotters::coord::Shift;
use plotters::prelude::*;

/// The drawing area of plotters that this crate draws on.
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The least width of a chart; it grows when labels need more.
const WIDTH: u32 = 1000;
const PANEL_HEIGHT: u32 = 340;

/// The height of a panel's title, and the other space around a plot and its axes.
const HEAD: u32 = 30;
const FOOT: u32 = 48;
const SIDE: u32 = 8;

/// Colours of the series that readers with colour blindness can tell apart.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
    RGBColor(120, 60, 20),
];

/// A chart: panels that share their series, and so one legend.
pub struct Chart {
    pub title: String,
    /// The names of the series, at most eight.
    pub series: Vec<String>,
    pub panels: Vec<Panel>,
}

/// One plot of a chart.
pub struct Panel {
    pub title: String,
    /// The names of the axes, with their units.
    pub x: String,
    pub y: String,
    pub plot: Plot,
}

/// What a panel shows. Its outer list has one item for each series of the chart.
pub enum Plot {
    /// Bars from zero, grouped by category; where a value is missing, so is its bar.
    Bars {
        categories: Vec<String>,
        values: Vec<Vec<Option<f64>>>,
    },
    /// Lines through points with ascending `x`. The `x` of the first series are the axis's labels.
    Lines {
        points: Vec<Vec<(f64, f64)>>,
        axes: Axes,
    },
}

/// How values become positions, in both directions alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axes {
    Linear,
    Logarithmic,
}

impl Chart {
    /// The chart as the text of an SVG file.
    pub fn svg(&self) -> anyhow::Result<String> {
        self.check()?;
        let needed = self.panels.iter().map(Panel::width).max();
        let needed = needed.context("a chart has at least one panel")?;
        let columns = (WIDTH / needed).clamp(1, self.panels.len() as u32);
        let rows = (self.panels.len() as u32).div_ceil(columns);
        let width = WIDTH.max(needed).max(text::width(&self.title, text::TITLE));
        let legend = legend::Legend::new(&self.series, width);
        let top = text::TITLE + 24;

        let mut svg = String::new();
        {
            let height = top + legend.height() + rows * PANEL_HEIGHT;
            let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
            root.fill(&WHITE)?;
            text::centred(
                &root,
                &self.title,
                (width as i32 / 2, top as i32 / 2),
                text::TITLE,
            )?;
            let (_, rest) = root.split_vertically(top);
            let (names, plots) = rest.split_vertically(legend.height());
            legend.draw(&names)?;
            let areas = plots.split_evenly((rows as usize, columns as usize));
            for (panel, area) in self.panels.iter().zip(&areas) {
                match &panel.plot {
                    Plot::Bars { categories, values } => {
                        bars::draw(area, panel, categories, values)?;
                    }
                    Plot::Lines { points, axes } => lines::draw(area, panel, points, *axes)?,
                }
            }
            root.present()?;
        }
        Ok(svg)
    }

    /// What holds for every chart that can be drawn.
    fn check(&self) -> anyhow::Result<()> {
        let series = self.series.len();
        ensure!(
            (1..=COLOURS.len()).contains(&series),
            "a chart has 1 to {} series, not {series}",
            COLOURS.len()
        );
        for panel in &self.panels {
            let (lists, right, values): (_, _, Vec<f64>) = match &panel.plot {
                Plot::Bars { categories, values } => (
                    values.len(),
                    values.iter().all(|list| list.len() == categories.len()),
                    values.iter().flatten().flatten().copied().collect(),
                ),
                Plot::Lines { points, axes } => {
                    let (x, y): (Vec<_>, Vec<_>) = points.iter().flatten().copied().unzip();
                    let values = [x, y].concat();
                    let right = points.iter().all(|list| !list.is_empty())
                        && (*axes == Axes::Linear || values.iter().all(|value| *value > 0.0));
                    (points.len(), right, values)
                }
            };
            let finite = values
                .iter()
                .all(|value| value.is_finite() && *value >= 0.0);
            ensure!(
                lists == series && right && finite && values.iter().any(|value| *value > 0.0),
                "the values of panel `{}` do not fit its axes and series",
                panel.title
            );
        }
        Ok(())
    }
}

impl Panel {
    /// Writes the title over the middle of the plot, which spans `columns`.
    fn draw_title(&self, area: &Area, columns: Range<i32>) -> anyhow::Result<()> {
        let middle = (columns.start + columns.end) / 2 - area.get_base_pixel().0;
        text::centred(area, &self.title, (middle, HEAD as i32 / 2), text::HEADING)
    }

    /// The width that keeps this panel's labels apart.
    fn width(&self) -> u32 {
        let plot = match &self.plot {
            Plot::Bars { categories, values } => bars::width(categories, values),
            Plot::Lines { points, axes } => lines::width(points, *axes),
        };
        // A title in the middle of the plot has less room on its left than on its right.
        plot.max(text::width(&self.title, text::HEADING) + 60)
    }
}

#[cfg(test)]
mod tests;
