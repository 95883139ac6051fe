//! The real server: the `stele` program in a process of its own, which a test can kill.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// The path of one of our programs (`stele`, `stele-verify`), in the profile of this test, built if it must be; or in the
/// folder STELE_PROGRAMS, to test what is installed.
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("STELE_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            // .../PROFILE/deps/test or .../PROFILE/program
            let this = std::env::current_exe().unwrap();
            let folder = this.parent().unwrap();
            let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
            let mut cargo = Command::new(env!("CARGO"));
            cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
            cargo.args(["build", "--quiet", "--locked", "--package", "stele", "--package", "stele-verify"]);
            if folder.ends_with("release") {
                cargo.arg("--release");
            }
            cargo.arg("--target-dir").arg(folder.parent().unwrap());
            assert!(cargo.status().unwrap().success(), "stele was not built");
            folder.to_owned()
        })
        .join(name)
}

/// Runs one of our programs to its end.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name)).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A program's standard output; a failure is the test's.
pub fn said(output: Output) -> String {
    let Output { stdout, stderr, status } = output;
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{stdout}{}", String::from_utf8_lossy(&stderr));
    stdout
}

/// psql with one command; rows unaligned, fields separated by bars.
pub fn psql(connection: &str, sql: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, connection]);
    command
}

/// Whether a program is on this machine; says so if it is not.
pub fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("{program} is not installed: this test does nothing");
    }
    found
}

/// A running `stele serve`.
pub struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on a port that is free, and waits until it serves.
    pub fn start(data: &Path) -> Server {
        Server::try_start(data).expect("the server did not start")
    }

    /// The same; what it wrote to standard error, if it ends without serving.
    pub fn try_start(data: &Path) -> Result<Server, String> {
        let mut process = Command::new(program("stele"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = None;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            // "stele 0.1.0 serves DIR on 127.0.0.1:40123"
            if let Some(at) = line.unwrap().rsplit(" on ").next().and_then(|at| at.parse().ok()) {
                address = Some(at);
                break;
            }
        }
        match address {
            Some(address) => {
                let mut errors = BufReader::new(process.stderr.take().unwrap());
                std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
                Ok(Server { process, address })
            }
            None => Err(String::from_utf8_lossy(&process.wait_with_output().unwrap().stderr).into_owned()),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What libpq's programs take.
    pub fn connection(&self) -> String {
        format!("host=127.0.0.1 port={} user=stele dbname=stele", self.address.port())
    }

    /// psql's unaligned output, without its last line feed.
    pub fn psql(&self, sql: &str) -> String {
        said(psql(&self.connection(), sql).output().unwrap()).trim_end().to_owned()
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// As an operator stops it.
    pub fn stop(mut self) {
        let status = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
        assert!(self.process.wait().unwrap().success(), "the server did not end well");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
