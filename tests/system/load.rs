//! pgbench: no transaction fails, and its four sums agree, now and AS OF every hundredth transaction.

use std::process::Command;
use stele_tests::full_load;
use stele_tests::server::{Server, installed, said};

fn pgbench(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new("pgbench").args(arguments).arg(server.connection()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!errors.contains("ERROR"), "{errors}");
    said(output)
}

/// The sums of balances of the three tables and of the history's changes, `suffix` behind each table.
fn sums(server: &Server, suffix: &str) -> String {
    server.psql(&format!(
        "SELECT (SELECT sum(abalance) FROM pgbench_accounts {suffix}),
                (SELECT sum(tbalance) FROM pgbench_tellers {suffix}),
                (SELECT sum(bbalance) FROM pgbench_branches {suffix}),
                (SELECT coalesce(sum(delta), 0) FROM pgbench_history {suffix})"
    ))
}

fn assert_equal_sums(text: &str, when: &str) {
    let sums: Vec<&str> = text.split('|').collect();
    assert_eq!(sums.len(), 4, "{text}");
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{when}: the sums are {text}");
}

#[test]
fn pgbench_in_three_modes_keeps_its_sums_at_every_moment() {
    if !installed("pgbench") {
        return;
    }
    let (scale, seconds) = if full_load() { ("10", "30") } else { ("1", "3") };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    pgbench(&server, &["-i", "-q", "-s", scale]);
    let newest = || server.psql("SELECT max(tx_id) FROM ledger.transactions").parse::<u64>().unwrap();
    let filled = newest();
    for mode in ["simple", "extended", "prepared"] {
        let report = pgbench(&server, &["-n", "-c", "8", "-j", "2", "-T", seconds, "-M", mode]);
        assert!(report.contains("number of failed transactions: 0 "), "{report}");
        println!("{mode}: {}", report.lines().find(|line| line.starts_with("tps")).unwrap());
    }
    assert_equal_sums(&sums(&server, ""), "now");
    // Each moment costs a scan of all accounts: the short load looks at eight of them.
    let last = newest();
    let step = if full_load() { 100 } else { 100.max((last - filled) / 8) };
    let mut moments = 0;
    for transaction in (filled..=last).step_by(step as usize) {
        assert_equal_sums(&sums(&server, &format!("AS OF TX {transaction}")), &format!("tx {transaction}"));
        moments += 1;
    }
    assert!(moments >= 2, "{moments} moments from {filled} to {last}");
    println!("{moments} moments from transaction {filled} to {last}");
    server.stop();
    said(stele_tests::server::run("stele", &["check", "--data", folder.path().to_str().unwrap()]));
}
