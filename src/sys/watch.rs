//! Notices that configuration files may have changed.
//!
//! Takes the paths that matter (files and folders, present or not) and says
//! only "something moved": the daemon then reads again and compares bytes. On
//! the way to each path every folder and every symlink is watched by name, so
//! that a rename over a file, a swapped symlink anywhere in the path, and a
//! folder that vanishes and returns are all seen.
//!
//! Straight on inotify(7): the `notify` crate always asks for `IN_OPEN` too, and
//! would wake us for every program that opens anything in `/etc`.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Symlinks followed in one path, as the kernel's `MAXSYMLINKS`.
const MAX_LINKS: usize = 40;

/// What in a watched folder (or file) is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Interest {
    /// These names.
    Names(BTreeSet<OsString>),
    /// Everything.
    All,
}

/// The watch. One inotify descriptor, no thread.
#[derive(Debug)]
pub struct Watch {
    inotify: AsyncFd<OwnedFd>,
    watched: HashMap<i32, Interest>,
}

impl Watch {
    /// A watch on nothing yet. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// As `inotify_init1` says (too many instances of this user).
    pub fn new() -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify: super::readable::readable(fd)?, watched: HashMap::new() })
    }

    /// Watches exactly these absolute paths from now on. True if something is
    /// watched that was not before: what happened there until now went unseen,
    /// so read once more.
    ///
    /// # Errors
    /// As `inotify_add_watch` says (`fs.inotify.max_user_watches`); what could
    /// be watched is.
    pub fn set(&mut self, paths: &[PathBuf]) -> io::Result<bool> {
        let mut round = Round { inotify: self.inotify.get_ref(), watched: HashMap::new(), failed: None };
        for path in paths {
            round.follow(path);
        }
        let Round { watched, failed, .. } = round;
        for old in self.watched.keys().filter(|wd| !watched.contains_key(wd)) {
            // Gone by itself with its folder is fine too.
            let _ = inotify::remove_watch(self.inotify.get_ref(), *old);
        }
        let more = watched.iter().any(|(wd, interest)| self.watched.get(wd) != Some(interest));
        self.watched = watched;
        failed.map_or(Ok(more), Err)
    }

    /// Waits until something that matters may have changed. Cancel safe.
    ///
    /// # Errors
    /// As reading the descriptor says.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut guard = self.inotify.readable().await?;
            let relevant = drain(self.inotify.get_ref(), &self.watched)?;
            guard.clear_ready();
            if relevant {
                return Ok(());
            }
        }
    }
}

/// Reads all events at hand; true if any matters.
fn drain(fd: &OwnedFd, watched: &HashMap<i32, Interest>) -> io::Result<bool> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(fd, &mut buffer);
    let mut relevant = false;
    loop {
        match reader.next() {
            Ok(event) => {
                let lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                relevant |= lost
                    || match (watched.get(&event.wd()), event.file_name()) {
                        (None, _) => false,
                        (Some(Interest::All), _) | (Some(_), None) => true,
                        (Some(Interest::Names(names)), Some(name)) => {
                            names.contains(OsStr::from_bytes(name.to_bytes()))
                        }
                    };
            }
            Err(rustix::io::Errno::AGAIN) => return Ok(relevant),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// One setting of the watches: what is asked for anew.
struct Round<'a> {
    inotify: &'a OwnedFd,
    watched: HashMap<i32, Interest>,
    failed: Option<io::Error>,
}

impl Round<'_> {
    /// Watches every step to `path`, then the path itself. Each folder is watched
    /// before it is looked into, so that no change falls between.
    fn follow(&mut self, path: &Path) {
        let mut links = 0;
        let mut here = PathBuf::from("/");
        let mut ahead: VecDeque<OsString> = steps(path);
        while let Some(step) = ahead.pop_front() {
            if step == ".." {
                here.pop();
                continue;
            }
            if !self.watch(&here, Interest::Names(BTreeSet::from([step.clone()]))) {
                return;
            }
            let next = here.join(&step);
            let Ok(meta) = next.symlink_metadata() else { return };
            if !meta.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            let Ok(target) = next.read_link() else { return };
            if links > MAX_LINKS {
                return;
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for step in steps(&target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        self.watch(&here, Interest::All);
    }

    /// Watches one folder or file; false if it cannot be.
    fn watch(&mut self, path: &Path, interest: Interest) -> bool {
        let named = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::MASK_ADD;
        let flags = match interest {
            Interest::Names(_) => named,
            Interest::All => named | WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE,
        };
        match inotify::add_watch(self.inotify, path, flags) {
            Ok(wd) => {
                match (self.watched.get_mut(&wd), interest) {
                    (Some(Interest::Names(names)), Interest::Names(more)) => names.extend(more),
                    (Some(Interest::All), _) => {}
                    (_, interest) => drop(self.watched.insert(wd, interest)),
                }
                true
            }
            // Vanished meanwhile, or not ours to see: its parent is watched.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::ACCESS) => false,
            Err(error) => {
                self.failed = Some(error.into());
                false
            }
        }
    }
}

/// The steps of a path, without `/` and `.`.
fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|c| match c {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    async fn seen(watch: &mut Watch) -> bool {
        let seen = tokio::time::timeout(Duration::from_millis(150), watch.changed()).await;
        seen.map(|result| result.unwrap()).is_ok()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn writes_renames_and_removals_are_seen_and_reads_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (conf, drops) = (root.join("zoned.toml"), root.join("policy.d"));
        fs::create_dir(&drops).unwrap();
        fs::write(&conf, "a").unwrap();
        let mut watch = Watch::new().unwrap();
        assert!(watch.set(&[conf.clone(), drops.clone()]).unwrap());
        assert!(!watch.set(&[conf.clone(), drops.clone()]).unwrap(), "nothing new the second time");
        assert!(!seen(&mut watch).await);

        fs::read(&conf).unwrap();
        fs::write(root.join("beside"), "x").unwrap();
        assert!(!seen(&mut watch).await, "reading, and files beside, do not matter");

        fs::write(&conf, "b").unwrap();
        assert!(seen(&mut watch).await);
        fs::write(root.join(".new"), "c").unwrap();
        assert!(!seen(&mut watch).await);
        fs::rename(root.join(".new"), &conf).unwrap();
        assert!(seen(&mut watch).await, "rename over");
        fs::write(drops.join("10.toml"), "d").unwrap();
        assert!(seen(&mut watch).await, "a new drop-in");
        fs::remove_file(drops.join("10.toml")).unwrap();
        assert!(seen(&mut watch).await, "a removed drop-in");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_symlink_anywhere_in_the_path_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for release in ["1", "2"] {
            fs::create_dir_all(root.join("releases").join(release)).unwrap();
            fs::write(root.join("releases").join(release).join("zoned.toml"), release).unwrap();
        }
        symlink("releases/1", root.join("live")).unwrap();
        let conf = root.join("live/zoned.toml");
        let mut watch = Watch::new().unwrap();
        watch.set(std::slice::from_ref(&conf)).unwrap();

        fs::write(root.join("releases/1/zoned.toml"), "changed").unwrap();
        assert!(seen(&mut watch).await, "the target's content");
        symlink("releases/2", root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("live")).unwrap();
        assert!(seen(&mut watch).await, "the swap");
        assert!(watch.set(std::slice::from_ref(&conf)).unwrap());
        seen(&mut watch).await;
        fs::write(root.join("releases/1/zoned.toml"), "old").unwrap();
        assert!(!seen(&mut watch).await, "the old target is let go");
        fs::write(root.join("releases/2/zoned.toml"), "new").unwrap();
        assert!(seen(&mut watch).await, "the new target");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_folder_may_vanish_and_return() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let conf = root.join("a/b/zoned.toml");
        let paths = std::slice::from_ref(&conf);
        let mut watch = Watch::new().unwrap();
        watch.set(paths).unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        assert!(seen(&mut watch).await, "a missing folder appears");
        assert!(watch.set(paths).unwrap());
        fs::write(&conf, "x").unwrap();
        assert!(seen(&mut watch).await);
        watch.set(paths).unwrap();
        seen(&mut watch).await;
        fs::rename(root.join("a"), root.join("gone")).unwrap();
        assert!(seen(&mut watch).await, "an ancestor is renamed");
        watch.set(paths).unwrap();
        seen(&mut watch).await;
        fs::create_dir_all(root.join("a/b")).unwrap();
        assert!(seen(&mut watch).await, "and made anew");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_queue_that_overflowed_counts_as_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut watch = Watch::new().unwrap();
        watch.set(&[root.join("zoned.toml")]).unwrap();
        let limit: usize =
            fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        fs::write(root.join("x"), "").unwrap();
        assert!(!seen(&mut watch).await, "names that do not matter");
        // Two events each, none of which matters by itself.
        for _ in 0..limit / 4 + 1 {
            fs::rename(root.join("x"), root.join("y")).unwrap();
            fs::rename(root.join("y"), root.join("x")).unwrap();
        }
        assert!(seen(&mut watch).await);
    }
}
