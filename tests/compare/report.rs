//! The table and the plot of what was measured.

use crate::works::Sizes;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One work's readings: rates, more is better.
pub struct Line {
    pub name: String,
    pub unit: &'static str,
    /// The ratio to reach at least, and the one that is aimed at.
    pub targets: [f64; 2],
    pub stele: Vec<f64>,
    pub other: Vec<f64>,
}

impl Line {
    pub fn new(name: &str, unit: &'static str, targets: [f64; 2]) -> Line {
        Line { name: name.to_owned(), unit, targets, stele: vec![], other: vec![] }
    }

    /// Quartiles of the pairs' ratios.
    fn ratios(&self) -> [f64; 3] {
        quartiles(self.stele.iter().zip(&self.other).map(|(stele, other)| stele / other).collect())
    }

    /// A row of the table.
    pub fn row(&self) -> String {
        let Line { name, unit, targets: [least, aim], stele, other } = self;
        let [_, stele, _] = quartiles(stele.clone());
        let [_, other, _] = quartiles(other.clone());
        let [low, median, high] = self.ratios();
        let digits = if stele < 100.0 { 2 } else { 0 };
        format!(
            "| {name} | {stele:.digits$} {unit} | {other:.digits$} {unit} | **{median:.2}** | {low:.2} to {high:.2} \
             | {least} | {aim} |"
        )
    }
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|part| {
        let at = part * (values.len() - 1) as f64;
        let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

const BEGIN: &str = "<!-- compare: begin -->";
const END: &str = "<!-- compare: end -->";

pub fn publish(lines: &[Line], pairs: usize, sizes: &Sizes) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::write(docs.join("performance.svg"), plot(lines)).unwrap();
    let path: PathBuf = docs.join("performance.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has no begin mark");
    let (_, after) = rest.split_once(END).expect("the page has no end mark");
    let mut table = String::from(
        "| work | Stele | PostgreSQL 15 | ratio | quartiles | at least | aim |\n|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        writeln!(table, "{}", line.row()).unwrap();
    }
    let Sizes { seconds, scale, rows: _, depth: _ } = sizes;
    let machine = format!(
        "{} cores ({}). Medians of {pairs} interleaved pairs; timed works ran {seconds} s each; pgbench scale {scale}. \
         PostgreSQL: `tests/compare/postgresql.conf`, otherwise as it comes; Stele: as it comes. One column \"PostgreSQL\" \
         is Stele itself: reads of the past are compared with reads of now; and the audit with 1 GB/s.",
        std::thread::available_parallelism().unwrap(),
        processor(),
    );
    let plot = "![Ratios](performance.svg)";
    std::fs::write(&path, format!("{before}{BEGIN}\n{machine}\n\n{plot}\n\n{table}{END}{after}")).unwrap();
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    name.trim_start_matches([' ', '\t', ':']).to_owned()
}

const LEFT: f64 = 420.0;
const STEP: f64 = 22.0;
/// Pixels that a ratio ten times as high is to the right.
const DECADE: f64 = 260.0;

/// Ratios as bars from 1, on a logarithmic scale from 0.03 to 30; a tick at what each is to reach.
fn plot(lines: &[Line]) -> String {
    let x = |ratio: f64| LEFT + DECADE * (ratio.clamp(0.03, 30.0) / 0.03).log10();
    let height = STEP * (lines.len() as f64 + 2.5);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1220\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for ratio in [0.1, 0.3, 1.0, 3.0, 10.0] {
        let (at, strong) = (x(ratio), if ratio == 1.0 { "#444" } else { "#ddd" });
        let (top, bottom) = (STEP, height - STEP);
        writeln!(
            svg,
            "<line x1=\"{at:.0}\" x2=\"{at:.0}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"{strong}\"/>\
             <text x=\"{at:.0}\" y=\"{}\" text-anchor=\"middle\">{ratio}</text>",
            height - 6.0
        )
        .unwrap();
    }
    for (number, line) in lines.iter().enumerate() {
        let [_, ratio, _] = line.ratios();
        let y = STEP * (number as f64 + 1.3);
        let (from, to) = (x(ratio.min(1.0)), x(ratio.max(1.0)));
        let colour = if ratio >= line.targets[0] { "#2a7f4f" } else { "#c0702a" };
        let target = x(line.targets[0]);
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{from:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"12\" fill=\"{colour}\"/>\
             <line x1=\"{target:.1}\" x2=\"{target:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"black\" stroke-width=\"2\"/>\
             <text x=\"1160\" y=\"{}\">{ratio:.2}</text>",
            LEFT - 8.0,
            y + 10.0,
            line.name,
            (to - from).max(1.0),
            y - 2.0,
            y + 14.0,
            y + 10.0,
        )
        .unwrap();
    }
    svg + "</svg>\n"
}
