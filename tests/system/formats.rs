//! Ledgers that earlier programs wrote open for ever: every folder of `tests/formats/` is one, with what it answered then,
//! proofs that it gave and the trust file of that day. And what a later program wrote is refused, never cut off or dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use stele_tests::server::{Server, psql, run, said};
use tempfile::TempDir;

/// What was kept, unpacked: `data/`, `proofs/`, the trust file of when it was made and that of its end, and the growth
/// between them.
struct Kept {
    folder: TempDir,
    answers: Vec<(String, String)>,
}

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("formats")
}

fn unpack(format: &str) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let kept = formats().join(format);
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(kept.join("data.tar.gz")).arg("-C").arg(folder.path()).arg("--no-same-owner");
    assert!(tar.status().unwrap().success());
    let text = fs::read_to_string(kept.join("answers.txt")).unwrap();
    let blocks = text.strip_prefix("> ").unwrap().split("\n> ");
    let answers = blocks.map(|block| block.split_once('\n').unwrap());
    let answers = answers.map(|(question, answer)| (question.to_owned(), answer.trim_end().to_owned()));
    Kept { folder, answers: answers.collect() }
}

impl Kept {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.at("data")
    }

    fn ledger(&self, database: &str) -> PathBuf {
        self.data().join("databases").join(database)
    }

    /// check and audit find nothing.
    fn is_sound(&self) {
        for command in ["check", "audit"] {
            said(run("stele", &[command, "--data", self.data().to_str().unwrap()]));
        }
    }

    fn verify(&self, proof: &Path, trust: &str, more: &[&str]) -> std::process::Output {
        let trust = self.at(trust);
        let arguments = [&[proof.to_str().unwrap(), "--trust", trust.to_str().unwrap()], more].concat();
        run("stele-verify", &arguments)
    }

    /// Each question is answered as it was; but that what was written since is not asked for.
    fn answers(&self, server: &Server) {
        for (question, answer) in &self.answers {
            assert_eq!(server.psql(question), *answer, "{question}");
        }
        let then = server.psql("SELECT committed_at FROM ledger.transactions WHERE tx_id = 16");
        let by_time = server.psql(&format!("SELECT * FROM account AS OF TIMESTAMP '{then}' ORDER BY id"));
        assert_eq!(by_time, server.psql("SELECT * FROM account AS OF TX 16 ORDER BY id"));
    }

    /// Writes, and is refused what must be.
    fn write_more(&self, server: &Server) {
        server.psql("INSERT INTO account VALUES (5, 'Eve', 5); UPDATE account SET balance = 6 WHERE id = 5");
        server.psql("INSERT INTO ticket (title) VALUES ('five')");
        server.psql("INSERT INTO posting (account, amount) SELECT 5, n FROM generate_series(1, 40) AS n");
        server.psql(
            "UPDATE kinds SET tstz = now(), jb = jb || '[3]' WHERE k = 'all'; DELETE FROM large WHERE id = 7",
        );
        server
            .psql("ALTER TABLE account ADD COLUMN later text DEFAULT 'now'; CREATE INDEX ON large (filling)");
        assert!(server.psql("SELECT number > 19 FROM ticket WHERE title = 'five'") == "t");
        assert_eq!(server.psql("SELECT min(id) > 115 FROM posting WHERE account = 5"), "t");
        for (statement, state) in [
            ("INSERT INTO account VALUES (1, 'twice', 0)", "23505"),
            ("INSERT INTO account VALUES (6, 'ADA L.', 1)", "23505"),
            ("INSERT INTO account VALUES (6, 'poor', -1)", "23514"),
            ("INSERT INTO posting (account, amount) VALUES (99, 1)", "23503"),
            ("DELETE FROM archive.log", "55000"),
        ] {
            let output = psql(&server.connection(), statement).args(["-v", "VERBOSITY=sqlstate"]).output();
            let error = String::from_utf8(output.unwrap().stderr).unwrap();
            assert!(error.contains(state), "{statement}: {error}");
        }
    }
}

/// What is written after the questions were asked; the same at every reopening.
const WRITTEN: &str = "SELECT (SELECT array_agg((id, holder, balance, later)::text ORDER BY id) FROM account), \
     (SELECT count(*) FROM posting), (SELECT count(*) FROM large), (SELECT md5(string_agg(t::text, ',' ORDER BY k, n)) FROM kinds t)";

#[test]
fn every_format_opens_answers_and_goes_on() {
    for format in ["1"] {
        let kept = unpack(format);
        for proof in fs::read_dir(kept.at("proofs")).unwrap() {
            let (proof, growth) = (proof.unwrap().path(), kept.at("growth.proof"));
            said(kept.verify(&proof, "trust.txt", &[]));
            // With the first trust file and the growth from it.
            let growth = ["--consistency", growth.to_str().unwrap()];
            said(kept.verify(&proof, "trust-first.txt", &growth));
        }
        kept.is_sound();
        let server = Server::start(&kept.data());
        kept.answers(&server);
        kept.write_more(&server);
        let written = server.psql(WRITTEN);
        let size = fs::read_to_string(kept.at("trust.txt")).unwrap();
        let size = size.lines().find_map(|line| line.parse::<u64>().ok()).unwrap();
        fs::write(
            kept.at("new.proof"),
            server.psql(&format!("SELECT ledger.consistency_proof({size})")) + "\n",
        )
        .unwrap();
        fs::write(kept.at("row"), server.psql("SELECT ledger.proof('account', 5)") + "\n").unwrap();
        server.stop();

        // The trust file of then leads to that of now.
        let new_trust = ["--new-trust", kept.at("trust-new.txt").to_str().unwrap()].map(str::to_owned);
        said(kept.verify(&kept.at("new.proof"), "trust.txt", &[&new_trust[0], &new_trust[1]]));
        assert!(said(kept.verify(&kept.at("row"), "trust-new.txt", &[])).contains("Eve"));
        kept.is_sound();
        let server = Server::start(&kept.data());
        assert_eq!(server.psql(WRITTEN), written);
        assert_eq!(server.psql("SELECT * FROM account AS OF TX 16 ORDER BY id").lines().count(), 3);
        server.stop();
    }
}

#[test]
fn every_format_opens_without_what_is_derived() {
    for format in ["1"] {
        let kept = unpack(format);
        for database in ["stele", "system"] {
            fs::remove_dir_all(kept.ledger(database).join("index")).unwrap();
            fs::remove_dir_all(kept.ledger(database).join("tiles")).unwrap();
        }
        for file in fs::read_dir(kept.ledger("stele").join("log")).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "dir") {
                fs::remove_file(file).unwrap();
            }
        }
        let server = Server::start(&kept.data());
        kept.answers(&server);
        server.stop();
        kept.is_sound();
    }
}

#[test]
fn passwords_of_every_format_are_still_good() {
    for format in ["1"] {
        let kept = unpack(format);
        let cluster = session::Cluster::open(host::Host::real(), &kept.data(), Default::default()).unwrap();
        for role in ["ada", "auditor"] {
            assert!(cluster.scram_verifier(role).unwrap().is_some(), "{role}");
        }
        cluster.shutdown().unwrap();
    }
}

/// The newest segment of the database and the place of its last block.
fn last_block(kept: &Kept) -> (PathBuf, Vec<u8>, usize) {
    let log = kept.ledger("stele").join("log");
    let mut segments: Vec<PathBuf> = fs::read_dir(log).unwrap().map(|file| file.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    let segment = segments.into_iter().max().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(8).rposition(|window| window == b"steleblk").unwrap();
    (segment, bytes, at)
}

/// Also where no checkpoint covers it: what a later program wrote and did not come to sign is no torn end.
#[test]
fn a_block_of_a_later_format_is_refused_and_kept() {
    // Offset in the header, value, what is said of it.
    for (at, value, what) in [(9, 2, "format 2"), (10, 9, "kind 9"), (11, 200, "codec 200")] {
        for covered in [true, false] {
            let kept = unpack("1");
            let (segment, mut bytes, start) = last_block(&kept);
            if covered {
                bytes[start + at] = value;
            } else {
                let mut next = bytes[start..].to_vec();
                next[at] = value;
                bytes.extend(next);
            }
            fs::write(&segment, &bytes).unwrap();
            let error = Server::try_start(&kept.data()).err().expect("it was opened");
            assert!(error.contains(what) && error.contains("later version"), "{error}");
            assert!(error.contains(segment.to_str().unwrap()), "{error}");
            assert!(fs::read(&segment).unwrap() == bytes, "{what}: the refusal changed the log");
            let output = run("stele", &["audit", "--data", kept.data().to_str().unwrap()]);
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.code() == Some(1) && said.contains(what), "{said}");
            assert!(said.contains("damaged") && !said.contains("unfinished"), "{said}");
        }
    }
}

#[test]
fn an_index_of_a_later_format_is_made_again() {
    let kept = unpack("1");
    let path = kept.ledger("stele").join("index/index.checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    let (body, _) = text.rsplit_once("crc32c").unwrap();
    let body = body.replacen("stele index 1", "stele index 2", 1);
    fs::write(&path, format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()))).unwrap();
    let script = kept.at("script.sql");
    fs::write(&script, "SELECT holder FROM account WHERE id = 1;\n").unwrap();
    let output = run("stele", &["sql", "--data", kept.data().to_str().unwrap(), script.to_str().unwrap()]);
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said(output).contains("Ada L."));
    assert!(warned.contains("index") && warned.contains("checkpoint is missing or unreadable"), "{warned}");
    kept.is_sound();
}

#[test]
fn keys_checkpoints_and_secrets_of_a_later_form_are_refused() {
    for (database, name, old, new) in [
        ("stele", "key", "PRIVATE+KEY+", "PRIVATE+KEY2+"),
        ("stele", "checkpoint", "\n\n", "\nextension\n\n"),
    ] {
        let kept = unpack("1");
        let path = kept.ledger(database).join(name);
        let text = fs::read_to_string(&path).unwrap().replacen(old, new, 1);
        fs::write(&path, text).unwrap();
        let error = Server::try_start(&kept.data()).err().expect("it was opened");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
    for (old, new) in [("SCRAM-SHA-256$", "SCRAM-SHA-512$"), ("", "stele secrets 2\n")] {
        let kept = unpack("1");
        let path = kept.ledger("system").join("secrets");
        let text = fs::read_to_string(&path).unwrap().replacen(old, new, 1);
        fs::write(&path, &text).unwrap();
        let cluster = session::Cluster::open(host::Host::real(), &kept.data(), Default::default()).unwrap();
        let verifiers = ["ada", "auditor"].map(|role| cluster.scram_verifier(role));
        let refused = verifiers.iter().filter_map(|verifier| verifier.as_ref().err());
        let refused: Vec<_> = refused.map(|error| error.to_string()).collect();
        assert!(!refused.is_empty() && refused[0].contains(path.to_str().unwrap()), "{refused:?}");
        cluster.shutdown().unwrap();
        drop(cluster);
        let server = Server::start(&kept.data());
        // What is not understood is not lost by writing another beside it.
        let output = psql(&server.connection(), "CREATE ROLE other LOGIN PASSWORD 'p'").output().unwrap();
        server.stop();
        assert!(!output.status.success() || fs::read_to_string(&path).unwrap().contains(new.trim_end()));
    }
}
