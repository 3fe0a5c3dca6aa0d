//! Files on disk: the [`FileTree`] that the daemon and the commands read through.
//!
//! Only regular files are read (a symlink to one counts), and only up to a
//! limit: a FIFO, a device or an endless file can neither hang nor fill us.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::document::FileTree;

/// Most names that a folder may hold; more is [`io::ErrorKind::FileTooLarge`].
const MAX_NAMES: usize = 100_000;

/// The file system as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskTree;

impl FileTree for DiskTree {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        // Asked before opening: to open a device can itself do something.
        regular(&fs::metadata(path)?)?;
        // Between the two calls the file may have become a FIFO; then the open must not wait.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let meta = file.metadata()?;
        regular(&meta)?;
        if meta.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        // Longer than its size said: still growing, or made by the kernel.
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            if names.len() == MAX_NAMES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

/// Refuses what is no regular file.
fn regular(meta: &fs::Metadata) -> io::Result<()> {
    if meta.is_file() {
        Ok(())
    } else if meta.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_does_not_hang() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("f.toml");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(DiskTree.read(&fifo, 10).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(DiskTree.read(Path::new("/dev/zero"), 10).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(DiskTree.read(dir.path(), 10).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn the_limit_is_inclusive() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, b"12345").unwrap();
        assert_eq!(DiskTree.read(&file, 5).unwrap(), b"12345");
        assert_eq!(DiskTree.read(&file, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // No size is known beforehand for what the kernel makes.
        assert_eq!(DiskTree.read(Path::new("/proc/self/status"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(DiskTree.read(&dir.path().join("b"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn names_are_sorted_by_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", "B", "番"] {
            fs::write(dir.path().join(name), b"").unwrap();
        }
        assert_eq!(DiskTree.list(dir.path()).unwrap(), ["B", "a", "b", "番"]);
        assert!(DiskTree.is_folder(dir.path()) && !DiskTree.is_folder(&dir.path().join("a")));
    }
}
