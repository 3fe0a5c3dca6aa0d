//! Unix sockets by folder and name, whatever the length of the folder's path,
//! and what belongs to them: owner, mode, and one daemon a folder.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};

/// The group that may use the control socket, if the machine has it.
const GROUP: &str = "zoned";

/// Connects to the socket `name` in `folder`.
///
/// # Errors
/// As connect(2) says.
pub fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let folder = Folder::open(folder)?;
    UnixStream::connect(folder.path(name))
}

/// Listens on the socket `name` in `folder`, mode 0660, group `zoned` if there
/// is one. It appears under its name with both already set; an old one is
/// replaced. The caller holds the folder's lock ([`lock`]).
///
/// # Errors
/// As bind(2), chown(2) and rename(2) say.
pub fn listen(folder: &Path, name: &str) -> io::Result<UnixListener> {
    let place = folder.join(name);
    let new = format!(".{name}.new");
    let new_place = folder.join(&new);
    let folder = Folder::open(folder)?;
    match fs::remove_file(&new_place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(folder.path(&new))?;
    if let Some(gid) = id_of(GROUP, Path::new("/etc/group")) {
        // Not permitted when we are not root: then the socket is our own alone.
        match std::os::unix::fs::chown(&new_place, None, Some(gid)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    fs::set_permissions(&new_place, fs::Permissions::from_mode(0o660))?;
    fs::rename(&new_place, place)?;
    Ok(listener)
}

/// Takes the lock file for this process alone; none if another holds it. It is
/// held until the file is dropped, also by the process's end, however it comes.
///
/// # Errors
/// As open(2) says.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(File::from(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The user's name, from `/etc/passwd`.
pub fn user_name(uid: u32) -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let of = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    };
    text.lines().find_map(of)
}

/// The id in the third field of the line that begins with `name`.
fn id_of(name: &str, file: &Path) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// An open folder: names in it stay within the 107 bytes that a socket's
/// address holds, by way of `/proc`.
struct Folder {
    written: PathBuf,
    fd: OwnedFd,
}

impl Folder {
    fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(folder, flags, Mode::empty())?;
        Ok(Self { written: folder.to_owned(), fd })
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.written.join(name);
        if path.as_os_str().len() < 108 {
            return path;
        }
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_folders_work_and_the_mode_is_set() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("長".repeat(60));
        fs::create_dir(&folder).unwrap();
        let first = listen(&folder, "s").unwrap();
        let second = listen(&folder, "s").unwrap();
        assert_eq!(fs::metadata(folder.join("s")).unwrap().permissions().mode() & 0o777, 0o660);
        connect(&folder, "s").unwrap();
        second.accept().unwrap();
        drop(first);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn one_holder_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(held.is_some() && lock(&path).unwrap().is_none());
        drop(held);
        assert!(lock(&path).unwrap().is_some());
    }

    #[test]
    fn names_and_ids_are_read_from_the_files() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(id_of("root", Path::new("/etc/group")), Some(0));
        assert_eq!(id_of("no-such-group", Path::new("/etc/group")), None);
    }
}
