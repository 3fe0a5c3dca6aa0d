//! Which neighbour entries zoned itself has made: `neighbours.json` in the state
//! folder, replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::net::{IfName, MacAddr};

/// Entries by interface and address.
pub type Pinned = BTreeMap<(IfName, IpAddr), MacAddr>;

/// The file's name.
const FILE: &str = "neighbours.json";

/// One entry as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    interface: String,
    address: IpAddr,
    mac: MacAddr,
}

/// The file.
#[derive(Debug)]
pub struct PinStore {
    path: PathBuf,
}

impl PinStore {
    /// In this state folder.
    pub fn at(state: &Path) -> Self {
        Self { path: state.join(FILE) }
    }

    /// Empty where there is no file.
    ///
    /// # Errors
    /// Of reading; `InvalidData` for what zoned did not write.
    pub fn read(&self) -> io::Result<Pinned> {
        let text = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pinned::new()),
            text => text?,
        };
        let lines: Vec<Line> = serde_json::from_slice(&text)?;
        let entry = |line: Line| {
            let interface =
                line.interface.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok(((interface, line.address), line.mac))
        };
        lines.into_iter().map(entry).collect()
    }

    /// Replaces the file, whole or not at all.
    ///
    /// # Errors
    /// Of writing; what was there stands.
    pub fn write(&self, pinned: &Pinned) -> io::Result<()> {
        let line = |((interface, address), mac): (&(IfName, IpAddr), &MacAddr)| Line {
            interface: interface.to_string(),
            address: *address,
            mac: *mac,
        };
        let lines: Vec<Line> = pinned.iter().map(line).collect();
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&lines)?)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_and_damage_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = PinStore::at(folder.path());
        assert_eq!(store.read().unwrap(), Pinned::new());
        let mut pinned = Pinned::new();
        for addr in ["10.1.0.9", "fd00::9"] {
            pinned.insert(("eth1".parse().unwrap(), addr.parse().unwrap()), MacAddr([2, 0, 0, 0, 0, 9]));
        }
        store.write(&pinned).unwrap();
        assert_eq!(store.read().unwrap(), pinned);
        for damage in ["[", "[{}]", "[{\"interface\":\"a/b\",\"address\":\"10.1.0.9\",\"mac\":\"02:00:00:00:00:09\"}]"]
        {
            fs::write(folder.path().join(FILE), damage).unwrap();
            assert!(store.read().is_err(), "{damage}");
        }
    }
}
