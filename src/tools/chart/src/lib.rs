//! Draws the project's charts as SVG: a title, a legend, and panels of grouped bars or of lines.
//!
//! The same chart gives the same bytes on every machine. Fonts are the reader's, so the width of a text
//! is estimated from its length. The background is white on dark pages too.

mod bars;
mod legend;
mod lines;
mod text;

use std::ops::Range;

use anyhow::{Context, ensure};
use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::prelude::*;

/// A drawing area of plotters.
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The minimum width of a chart. It grows if labels need more.
const WIDTH: u32 = 1000;
const PANEL_HEIGHT: u32 = 340;

/// The height of a panel's title, and the space around a plot for axes and margins.
const HEAD: u32 = 30;
const FOOT: u32 = 48;
const SIDE: u32 = 8;

/// The colors of the series, which color-blind readers can tell apart.
const COLORS: [RGBColor; 8] = [
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
    /// The title above all panels.
    pub title: String,
    /// The names of the series: one to eight.
    pub series: Vec<String>,
    /// The panels, from left to right and from top to bottom.
    pub panels: Vec<Panel>,
}

/// One plot of a chart.
pub struct Panel {
    /// Its title.
    pub title: String,
    /// The name of the horizontal axis.
    pub x: String,
    /// The name of the vertical axis.
    pub y: String,
    /// Its values.
    pub plot: Plot,
}

/// The values of a panel. The outer list has one item for each series of the chart.
pub enum Plot {
    /// Bars from zero, grouped by category.
    Bars {
        /// The names of the groups.
        categories: Vec<String>,
        /// A value, or `None` for no bar, for each category.
        values: Vec<Vec<Option<f64>>>,
    },
    /// Lines on logarithmic axes.
    Lines {
        /// Points with ascending `x`. Those of the first series are the labels of the axis.
        points: Vec<Vec<(f64, f64)>>,
    },
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
            text::centered(
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
                    Plot::Lines { points } => lines::draw(area, panel, points)?,
                }
            }
            root.present()?;
        }
        Ok(svg)
    }

    /// Checks that the values fit the panels.
    fn check(&self) -> anyhow::Result<()> {
        let series = self.series.len();
        ensure!(
            (1..=COLORS.len()).contains(&series),
            "a chart has 1 to {} series, not {series}",
            COLORS.len()
        );
        for panel in &self.panels {
            let (lists, right, values): (_, _, Vec<f64>) = match &panel.plot {
                Plot::Bars { categories, values } => (
                    values.len(),
                    values.iter().all(|list| list.len() == categories.len()),
                    values.iter().flatten().flatten().copied().collect(),
                ),
                Plot::Lines { points } => {
                    let (x, y): (Vec<_>, Vec<_>) = points.iter().flatten().copied().unzip();
                    let values = [x, y].concat();
                    let right = points.iter().all(|list| !list.is_empty())
                        && values.iter().all(|value| *value > 0.0);
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
    /// Draws the title above the middle of the plot, which spans `columns`.
    fn draw_title(&self, area: &Area, columns: Range<i32>) -> anyhow::Result<()> {
        let middle = (columns.start + columns.end) / 2 - area.get_base_pixel().0;
        text::centered(area, &self.title, (middle, HEAD as i32 / 2), text::HEADING)
    }

    /// Sets the style of axes and grid that all plots share.
    fn style<X, Y>(&self, mesh: &mut MeshStyle<'_, '_, X, Y, SVGBackend<'_>>)
    where
        X: Ranged<ValueType = f64>,
        Y: Ranged<ValueType = f64>,
    {
        mesh.bold_line_style(text::GRID)
            .max_light_lines(0)
            .label_style(text::style(text::LABEL))
            .axis_desc_style(text::style(text::LABEL))
            .x_desc(&self.x)
            .y_desc(&self.y)
            .y_label_formatter(&|y| text::number(*y));
    }

    /// The width that keeps this panel's labels apart.
    fn width(&self) -> u32 {
        let plot = match &self.plot {
            Plot::Bars { categories, values } => bars::width(categories, values),
            Plot::Lines { points } => lines::width(points),
        };
        // A title above the middle of the plot has less room on its left than on its right.
        plot.max(text::width(&self.title, text::HEADING) + 60)
    }
}

#[cfg(test)]
mod tests;
