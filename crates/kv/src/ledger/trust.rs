//! What a verifier is to believe of a ledger, read from its files without opening it: they may be a live server's.

use super::Paths;
use crate::checkpoint;
use crate::log::block::{HEADER_BYTES, Header};
use crate::log::segments;
use host::{Host, OpenMode};
use proof::trust::Trust;
use std::path::Path;
use types::{Error, Result, err};

/// Verifier key, database id and newest checkpoint of the ledger in `dir`.
pub fn trust(host: &Host, dir: &Path) -> Result<Trust> {
    let paths = Paths::new(dir);
    let key = checkpoint::verifier_key(&*host.disk, &paths)?;
    let checkpoint = checkpoint::load(&*host.disk, &paths.checkpoint, &key)?;
    Ok(Trust { key, database_id: database_id(host, &paths)?, checkpoint })
}

/// As the log's first block says.
fn database_id(host: &Host, paths: &Paths) -> Result<[u8; 16]> {
    let Some(&first) = segments::list(&*host.disk, &paths.log)?.first() else {
        return Err(err!(UndefinedObject, "there is no ledger in \"{}\"", paths.folder.display()));
    };
    let path = segments::segment_path(&paths.log, first);
    let mut bytes = [0; HEADER_BYTES];
    let file = host.disk.open(&path, OpenMode::Read);
    let read = file.and_then(|file| file.read_exact_at(&mut bytes, 0));
    read.map_err(|error| err!(IoError, "{}: {error}", path.display()))?;
    let header = Header::decode(&bytes)
        .map_err(|reason| Error::corrupted(format!("{}, offset 0: {reason}", path.display())))?;
    Ok(header.database_id)
}
