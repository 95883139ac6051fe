//! Golden scripts: a schema, then statements, each followed by its plan.
//!
//! `UPDATE_GOLDEN=1 cargo test -p stele-plan --test plans` writes what is planned now: read the difference.

mod support;

use support::Fake;

#[test]
fn golden() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plans");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let planned = run(&text);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, planned).unwrap();
        } else {
            pretty(&path, &text, &planned);
        }
    }
}

/// The file with every plan replaced by the one of now. Blocks are separated by blank lines; the first is the schema;
/// in each other one the statement ends with a semicolon at a line's end.
fn run(text: &str) -> String {
    let mut blocks = text.split("\n\n");
    let schema = blocks.next().unwrap_or_default();
    let fake = Fake::new(schema);
    let mut out = schema.to_owned();
    for block in blocks {
        let block = block.trim_end();
        if block.is_empty() {
            continue;
        }
        let end = block.find(";\n").map_or(block.len(), |end| end + 1);
        let statement = block[..end].trim_end_matches(';');
        let plan = fake.explain(&without_comments(statement));
        out.push_str(&format!("\n\n{statement};\n{plan}"));
    }
    out.push('\n');
    out
}

fn without_comments(statement: &str) -> String {
    statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

fn pretty(path: &std::path::Path, expected: &str, planned: &str) {
    if expected == planned {
        return;
    }
    for (line, (a, b)) in expected.lines().zip(planned.lines()).enumerate() {
        assert_eq!(a, b, "{}:{}", path.display(), line + 1);
    }
    panic!(
        "{}: {} lines expected, {} planned",
        path.display(),
        expected.lines().count(),
        planned.lines().count()
    );
}
