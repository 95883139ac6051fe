//! The real server: the `stele` program in a process of its own, which a test can kill.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

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

/// A connection as `role`, without a password.
pub async fn connect(
    address: SocketAddr,
    role: &str,
    database: &str,
) -> Result<Client, tokio_postgres::Error> {
    let config = format!("host={} port={} user={role} dbname={database}", address.ip(), address.port());
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Runs a client in a thread of its own.
pub fn block_on<T>(client: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(client)
}

/// A running `stele serve`.
pub struct Server {
    process: Child,
    address: SocketAddr,
    errors: Option<JoinHandle<String>>,
}

/// How a server ended, and what it wrote to standard error.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub errors: String,
}

impl Server {
    /// Starts it on a port that is free, and waits until it serves.
    pub fn start(data: &Path) -> Server {
        Server::try_start(data).expect("the server did not start")
    }

    /// The same; what it wrote to standard error, if it ends without serving.
    pub fn try_start(data: &Path) -> Result<Server, String> {
        Server::run(&mut Server::command(data)).map_err(|ended| ended.errors)
    }

    /// What starts it.
    pub fn command(data: &Path) -> Command {
        let mut command = Command::new(program("stele"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command
    }

    /// Starts it so, and waits until it serves.
    pub fn run(command: &mut Command) -> Result<Server, Ended> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("{line}");
                text = text + &line + "\n";
            }
            text
        });
        let mut address = None;
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            // "stele 0.1.0 serves DIR on 127.0.0.1:40123"
            if let Some(at) = line.unwrap().rsplit(" on ").next().and_then(|at| at.parse().ok()) {
                address = Some(at);
                break;
            }
        }
        match address {
            Some(address) => Ok(Server { process, address, errors: Some(errors) }),
            None => Err(Ended { status: process.wait().unwrap(), errors: errors.join().unwrap() }),
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

    /// kill -9, unless it has ended by itself.
    pub fn kill(mut self) -> Ended {
        self.process.kill().unwrap();
        self.wait()
    }

    /// As an operator stops it.
    pub fn stop(self) -> Ended {
        let status = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
        let ended = self.end_within(Duration::from_secs(60));
        assert!(ended.status.success(), "the server did not end well");
        ended
    }

    /// Waits until it ends by itself; kills it if it does not.
    pub fn end_within(mut self, limit: Duration) -> Ended {
        let until = Instant::now() + limit;
        while self.process.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }

    fn wait(&mut self) -> Ended {
        let status = self.process.wait().unwrap();
        Ended { status, errors: self.errors.take().unwrap().join().unwrap() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
