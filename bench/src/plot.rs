//! Plots as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::cases::Case;
use crate::job::{Kind, Transport};
use crate::peers::{Name, Res};
use crate::results::Results;

/// Draws what there are results for, and answers the names of the files.
pub(crate) fn draw(folder: &Path, cases: &[Case], results: &Results) -> Res<Vec<String>> {
    let mut files = Vec::new();
    let figures = [
        Figure::over_sizes(cases),
        Figure::over_n(cases, Kind::InFlight, "in-flight", "round trips a second, 64 B, tcp", "requests in flight"),
        Figure::over_n(cases, Kind::OneWay, "threads", "messages a second, 64 B, tcp", "threads on one socket"),
        Figure::over_n(cases, Kind::Subscribe, "subscriptions", "matched messages a second", "subscriptions"),
    ];
    for figure in figures {
        if figure.draw(folder, results)? {
            files.push(format!("{}.svg", figure.file));
        }
    }
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        for (kind, name, title) in
            [(Kind::RoundTrip, "rtt", "round trip, us"), (Kind::OneWay, "oneway", "one way, M messages/s")]
        {
            let case = cases.iter().find(|c| c.kind == kind && c.name == format!("{name}-{}-64", transport.text()));
            if let Some(case) = case
                && bars(folder, case, &format!("{title}, 64 B, {}", transport.text()), results)?
            {
                files.push(format!("{}.svg", case.name));
            }
        }
    }
    Ok(files)
}

/// Curves over a number that the cases differ in.
struct Figure<'a> {
    file: &'static str,
    title: &'static str,
    x: &'static str,
    metric: &'static str,
    points: Vec<(f64, &'a Case)>,
}

impl<'a> Figure<'a> {
    fn over_sizes(cases: &'a [Case]) -> Self {
        let sweep = |case: &&Case| case.name.starts_with("oneway-tcp-");
        let points = cases.iter().filter(sweep).map(|case| (case.size as f64, case)).collect();
        Self { file: "sizes", title: "MB/s by message size, tcp", x: "bytes", metric: "listen.mb_s", points }
    }

    fn over_n(cases: &'a [Case], kind: Kind, file: &'static str, title: &'static str, x: &'static str) -> Self {
        let prefix = match kind {
            Kind::InFlight => "inflight-tcp-",
            Kind::OneWay => "threads-tcp-",
            _ => "subscriptions-",
        };
        let points =
            cases.iter().filter(|case| case.name.starts_with(prefix)).map(|case| (case.n as f64, case)).collect();
        Self { file, title, x, metric: "rate", points }
    }

    fn draw(&self, folder: &Path, results: &Results) -> Res<bool> {
        let mut curves = Vec::new();
        for peer in PEERS {
            let mut curve: Vec<(f64, f64)> = Vec::new();
            for (x, case) in &self.points {
                curve.extend(results.spread(&case.name, peer, self.metric).map(|found| (*x, found.median)));
            }
            curve.sort_by(|a, b| a.0.total_cmp(&b.0));
            if curve.len() > 1 {
                curves.push((peer, curve));
            }
        }
        let all = || curves.iter().flat_map(|(_, curve)| curve.iter().copied());
        if curves.is_empty() {
            return Ok(false);
        }
        let (x0, x1) = all().fold((f64::MAX, 0f64), |(a, b), (x, _)| (a.min(x), b.max(x)));
        let (y0, y1) = all().fold((f64::MAX, 0f64), |(a, b), (_, y)| (a.min(y), b.max(y)));
        let file = folder.join(format!("{}.svg", self.file));
        let root = SVGBackend::new(&file, (800, 480)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(90)
            .build_cartesian_2d((x0..x1 * 1.05).log_scale(), (y0 * 0.8..y1 * 1.3).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_label_formatter(&|y| human(*y))
            .x_label_formatter(&|x| human(*x))
            .draw()?;
        for (peer, curve) in curves {
            let color = color(peer);
            let line = LineSeries::new(curve.clone(), color.stroke_width(2));
            chart
                .draw_series(line)?
                .label(peer.text())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
            chart.draw_series(curve.into_iter().map(|at| Circle::new(at, 3, color.filled())))?;
        }
        chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE.mix(0.8)).draw()?;
        root.present()?;
        Ok(true)
    }
}

/// One bar for each peer, with the range of its repetitions.
fn bars(folder: &Path, case: &Case, title: &str, results: &Results) -> Res<bool> {
    let mut found = Vec::new();
    for &peer in &case.peers {
        let spread = results.spread(&case.name, peer, case.headline.metric);
        found.extend(spread.map(|spread| (peer, spread.scaled(1.0 / case.headline.scale))));
    }
    if found.is_empty() {
        return Ok(false);
    }
    let top = found.iter().fold(0f64, |top, (_, spread)| top.max(spread.most));
    let file = folder.join(format!("{}.svg", case.name));
    let root = SVGBackend::new(&file, (800, 360)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..found.len() as f64, 0.0..top * 1.1)?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().draw()?;
    for (i, (peer, spread)) in found.into_iter().enumerate() {
        let x = i as f64;
        let bar = Rectangle::new([(x + 0.15, 0.0), (x + 0.85, spread.median)], color(peer).mix(0.8).filled());
        let range = PathElement::new([(x + 0.5, spread.least), (x + 0.5, spread.most)], BLACK.stroke_width(2));
        let text = format!("{} {}", peer.text(), crate::report::short(spread.median));
        chart.draw_series([bar])?;
        chart.draw_series([range])?;
        chart.draw_series([Text::new(text, (x + 0.16, top * 1.06), ("sans-serif", 14))])?;
    }
    root.present()?;
    Ok(true)
}

fn color(peer: Name) -> RGBColor {
    match peer {
        Name::Spanwire | Name::SpanwireAsync => RGBColor(214, 39, 40),
        Name::Libzmq => RGBColor(31, 119, 180),
        Name::Nng => RGBColor(44, 160, 44),
        Name::Nanomsg => RGBColor(148, 103, 189),
        Name::ZeromqRs => RGBColor(140, 86, 75),
        Name::Raw => RGBColor(90, 90, 90),
        Name::Rawb => RGBColor(170, 170, 170),
    }
}

fn human(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e3 => format!("{} k", v / 1e3),
        v => format!("{v}"),
    }
}

const PEERS: [Name; 7] =
    [Name::Spanwire, Name::Libzmq, Name::Nng, Name::Nanomsg, Name::ZeromqRs, Name::Raw, Name::Rawb];
