//! EXPLAIN: a plan as text, as PostgreSQL prints it.
//!
//! Filters and projections are nodes of ours that PostgreSQL shows as properties: they are shown so here, too.

mod describe;
mod expression;

use crate::Query;
use crate::node::{Node, Plan};
use crate::statement::ExplainOptions;
use describe::Describer;
use std::fmt::Write;

/// What EXPLAIN ANALYZE measured of a node: sums over all loops. In pre-order: the plan's nodes, each subplan's, each
/// CTE's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Actual {
    pub rows: u64,
    pub loops: u64,
    pub time_us: u64,
}

/// The plan as text (or JSON). `actual`: what was measured, and the whole time in microseconds.
pub fn explain(query: &Query, options: &ExplainOptions, actual: Option<(&[Actual], u64)>) -> String {
    let (nodes, total_us) = actual.map_or((None, 0), |(nodes, total)| (Some(nodes), total));
    let mut describer = Describer::new(query, options.verbose);
    let root = describer.describe(&query.plan, 0);
    let mut out = String::new();
    if options.json {
        json(&root, options, nodes, total_us, &mut out);
        return out;
    }
    text(&root, options, nodes, 0, &mut out);
    if options.summary && nodes.is_some() {
        let _ = writeln!(out, "Execution Time: {:.3} ms", total_us as f64 / 1000.0);
    }
    out.truncate(out.trim_end().len());
    out
}

/// One line of the output with what hangs below it.
pub(super) struct Shown {
    pub title: String,
    /// For JSON: node type, then relation, alias, index as far as there are any.
    pub facts: Vec<(&'static str, String)>,
    pub properties: Vec<(&'static str, String)>,
    pub rows: f64,
    pub cost: f64,
    pub width: usize,
    /// Whose numbers are this line's.
    pub number: usize,
    pub inputs: Vec<Shown>,
    /// `SubPlan 1`, `CTE x` and their plans.
    pub labelled: Vec<(String, Shown)>,
}

fn figures(shown: &Shown, options: &ExplainOptions, actual: Option<&[Actual]>) -> String {
    let mut out = String::new();
    if options.costs {
        let rows = shown.rows.round().max(if shown.rows > 0.0 { 1.0 } else { 0.0 });
        let _ = write!(out, "  (cost=0.00..{:.2} rows={rows:.0} width={})", shown.cost, shown.width);
    }
    if let Some(actual) = actual {
        let measured = actual.get(shown.number).copied().unwrap_or_default();
        if measured.loops == 0 {
            out.push_str(" (never executed)");
        } else {
            let each = |sum: u64| sum as f64 / measured.loops as f64;
            let _ = match options.timing {
                true => write!(
                    out,
                    " (actual time=0.000..{:.3} rows={:.0} loops={})",
                    each(measured.time_us) / 1000.0,
                    each(measured.rows),
                    measured.loops
                ),
                false => write!(out, " (actual rows={:.0} loops={})", each(measured.rows), measured.loops),
            };
        }
    }
    if !options.costs && out.starts_with(' ') {
        out.insert(0, ' ');
    }
    out
}

/// `indent`: of the line's text; the arrow stands before it.
fn text(shown: &Shown, options: &ExplainOptions, actual: Option<&[Actual]>, indent: usize, out: &mut String) {
    let _ = writeln!(out, "{}{}", shown.title, figures(shown, options, actual));
    for (name, value) in &shown.properties {
        let _ = writeln!(out, "{:indent$}  {name}: {value}", "");
    }
    for (label, plan) in &shown.labelled {
        let _ = writeln!(out, "{:indent$}  {label}", "");
        let _ = write!(out, "{:indent$}    ->  ", "");
        text(plan, options, actual, indent + 8, out);
    }
    for input in &shown.inputs {
        let _ = write!(out, "{:indent$}  ->  ", "");
        text(input, options, actual, indent + 6, out);
    }
}

fn json(shown: &Shown, options: &ExplainOptions, actual: Option<&[Actual]>, total_us: u64, out: &mut String) {
    out.push_str("[\n  {\n    \"Plan\": ");
    json_node(shown, None, options, actual, 4, out);
    if options.summary && actual.is_some() {
        let _ = write!(out, ",\n    \"Execution Time\": {:.3}", total_us as f64 / 1000.0);
    }
    out.push_str("\n  }\n]");
}

fn json_node(
    shown: &Shown,
    label: Option<&str>,
    options: &ExplainOptions,
    actual: Option<&[Actual]>,
    indent: usize,
    out: &mut String,
) {
    let mut fields: Vec<(String, String)> = vec![];
    let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
    for (name, value) in &shown.facts {
        add(name, quoted(value));
    }
    if let Some(label) = label {
        add("Subplan Name", quoted(label));
    }
    add("Parallel Aware", "false".into());
    add("Async Capable", "false".into());
    if options.costs {
        add("Startup Cost", "0.00".into());
        add("Total Cost", format!("{:.2}", shown.cost));
        add("Plan Rows", format!("{:.0}", shown.rows.round()));
        add("Plan Width", shown.width.to_string());
    }
    if let Some(actual) = actual {
        let measured = actual.get(shown.number).copied().unwrap_or_default();
        let loops = measured.loops.max(1) as f64;
        if options.timing {
            add("Actual Startup Time", "0.000".into());
            add("Actual Total Time", format!("{:.3}", measured.time_us as f64 / loops / 1000.0));
        }
        add("Actual Rows", format!("{:.0}", measured.rows as f64 / loops));
        add("Actual Loops", measured.loops.to_string());
    }
    for (name, value) in &shown.properties {
        add(name, quoted(value));
    }
    out.push_str("{\n");
    for (position, (name, value)) in fields.iter().enumerate() {
        let comma = if position > 0 { ",\n" } else { "" };
        let _ = write!(out, "{comma}{:indent$}  {}: {value}", "", quoted(name));
    }
    let children: Vec<(Option<&str>, &Shown)> = shown
        .labelled
        .iter()
        .map(|(label, plan)| (Some(label.as_str()), plan))
        .chain(shown.inputs.iter().map(|input| (None, input)))
        .collect();
    if !children.is_empty() {
        let _ = write!(out, ",\n{:indent$}  \"Plans\": [", "");
        for (position, (label, child)) in children.into_iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let _ = write!(out, "{comma}\n{:indent$}    ", "");
            json_node(child, label, options, actual, indent + 4, out);
        }
        let _ = write!(out, "\n{:indent$}  ]", "");
    }
    let _ = write!(out, "\n{:indent$}}}", "");
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The inputs of a node, in the order in which nodes are numbered.
pub(super) fn inputs(plan: &Plan) -> Vec<&Plan> {
    match &plan.node {
        Node::OneRow
        | Node::Values(_)
        | Node::Scan(_)
        | Node::SystemScan { .. }
        | Node::FunctionScan { .. }
        | Node::LedgerScan { .. }
        | Node::CteScan { .. }
        | Node::WorkTable { .. }
        | Node::CopyInput => vec![],
        Node::Filter { input, .. }
        | Node::Project { input, .. }
        | Node::ProjectSet { input, .. }
        | Node::Window { input, .. }
        | Node::Sort { input, .. }
        | Node::Distinct { input, .. }
        | Node::Limit { input, .. }
        | Node::LockRows { input, .. } => vec![input],
        Node::Aggregate(aggregate) => vec![&aggregate.input],
        Node::Insert(insert) => vec![&insert.input],
        Node::Update(update) => vec![&update.input],
        Node::Delete(delete) => vec![&delete.input],
        Node::Join(join) => vec![&join.left, &join.right],
        Node::SetOperation { left, right, .. } => vec![left, right],
        Node::RecursiveUnion { base, step, .. } => vec![base, step],
        Node::Append(inputs) => inputs.iter().collect(),
    }
}

pub(super) fn node_count(plan: &Plan) -> usize {
    1 + inputs(plan).into_iter().map(node_count).sum::<usize>()
}
