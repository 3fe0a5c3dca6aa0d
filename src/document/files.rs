//! Where configuration is read from: the seam to the disk, to a revision's
//! snapshot, and to tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Read access to a tree of files. Implemented by the disk (`sys::files`) and
/// by [`MemoryTree`].
pub trait FileTree {
    /// The file's bytes.
    ///
    /// # Errors
    /// As the file system says; a file larger than `limit` bytes is
    /// [`io::ErrorKind::FileTooLarge`].
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a folder, sorted by bytes.
    ///
    /// # Errors
    /// As the file system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// True if the path is a folder.
    fn is_folder(&self, path: &Path) -> bool;
}

/// Files held in memory: a revision's snapshot, or a test.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryTree {
    /// A tree of these files.
    pub fn new<P: Into<PathBuf>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self { files: files.into_iter().map(|(p, b)| (plain(&p.into()), b.into())).collect() }
    }
}

/// The path without `.`, as a key.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

impl FileTree for MemoryTree {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(&plain(path)).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.clone())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let folder = plain(folder);
        let names: std::collections::BTreeSet<String> = self
            .files
            .keys()
            .filter_map(|p| p.strip_prefix(&folder).ok()?.components().next())
            .map(|c| c.as_os_str().to_string_lossy().into_owned())
            .collect();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names.into_iter().collect()) }
    }

    fn is_folder(&self, path: &Path) -> bool {
        let path = plain(path);
        self.files.keys().any(|p| *p != path && p.starts_with(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_tree_is_found_under_any_spelling() {
        let tree = MemoryTree::new([("./zoned.toml", "a"), ("policy.d/1.toml", "b")]);
        assert_eq!(tree.read(Path::new("zoned.toml"), 9).unwrap(), b"a");
        assert_eq!(tree.list(Path::new(".")).unwrap(), ["policy.d", "zoned.toml"]);
        assert_eq!(tree.list(Path::new("./policy.d")).unwrap(), ["1.toml"]);
        assert!(tree.is_folder(Path::new(".")) && !tree.is_folder(Path::new("./zoned.toml")));
        assert!(tree.read(Path::new("zoned.toml"), 0).is_err());
    }
}
