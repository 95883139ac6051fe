//! What the disk says, as the errors that clients see.

use std::io;
use std::path::Path;
use types::{Error, err};

/// An error of the disk while doing something (`could not write`) with a file.
pub fn disk_error(doing: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            err!(DiskFull, "{doing} file \"{path}\": No space left on device").hint("Check free disk space.")
        }
        _ => err!(IoError, "{doing} file \"{path}\": {error}"),
    }
}
