use super::*;

fn draft<'a>(digest: &'a str, files: &'a [(PathBuf, Vec<u8>)]) -> Draft<'a> {
    Draft {
        digest,
        who: Who::Peer { uid: 0, gid: 0, pid: Some(1), user: Some("root".into()) },
        comment: Some("年度更新"),
        config: Path::new("/etc/zoned"),
        files,
        ruleset: "table inet zoned {}\n",
        manual: false,
    }
}

fn files() -> Vec<(PathBuf, Vec<u8>)> {
    vec![
        (PathBuf::from("/etc/zoned/zoned.toml"), b"version = 1\n".to_vec()),
        (PathBuf::from("/etc/zoned/ledger.csv"), vec![0x92, 0x5b, 0x96, 0x96, 0x0d, 0x0a]),
    ]
}

fn applied() -> Outcome {
    Outcome::Applied { applied_at: jiff::Timestamp::UNIX_EPOCH, how: "refill".into(), commands: 7, cut: Some(3) }
}

#[test]
fn a_prepared_revision_is_not_active_until_committed() {
    let state = tempfile::tempdir().unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    assert!(revisions.active().unwrap().is_none());
    let files = files();
    let first = revisions.prepare(&draft("sha256:1", &files)).unwrap();
    assert!(revisions.active().unwrap().is_none());
    revisions.commit(first, applied()).unwrap();
    let second = revisions.prepare(&draft("sha256:2", &files)).unwrap();
    assert_eq!((first, second), (1, 2));
    assert_eq!(revisions.active().unwrap().unwrap().record.digest, "sha256:1");
    revisions.discard(second).unwrap();
    assert_eq!(revisions.numbers().unwrap(), [1]);
    revisions.annotate(first, Changes { opened: 3, closed: 0 }).unwrap();
    let active = revisions.active().unwrap().unwrap();
    assert_eq!(active.record.changes, Some(Changes { opened: 3, closed: 0 }));
    assert_eq!(active.record.outcome, applied());
}

#[test]
fn the_snapshot_reads_back_byte_for_byte() {
    let state = tempfile::tempdir().unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    let files = files();
    let number = revisions.prepare(&draft("sha256:1", &files)).unwrap();
    let revision = revisions.get(number).unwrap();
    let (tree, config) = revision.tree().unwrap();
    assert_eq!(config, Path::new("/etc/zoned"));
    for (path, bytes) in &files {
        assert_eq!(&tree.read(path, 100).unwrap(), bytes);
    }
    assert_eq!(revision.ruleset().unwrap(), "table inet zoned {}\n");
    assert_eq!(revision.record.comment.as_deref(), Some("年度更新"));
}

#[test]
fn only_the_owner_can_read_any_of_it() {
    let state = tempfile::tempdir().unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    let number = revisions.prepare(&draft("sha256:1", &files())).unwrap();
    revisions.commit(number, applied()).unwrap();
    let mut folders = vec![state.path().join("revisions")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            seen += 1;
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
            }
        }
    }
    // current, the folder, record, ruleset, sources and the two in it.
    assert_eq!(seen, 7);
}

#[test]
fn damage_is_told_by_revision_and_file() {
    let state = tempfile::tempdir().unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    let number = revisions.prepare(&draft("sha256:1", &files())).unwrap();
    revisions.commit(number, applied()).unwrap();
    let folder = state.path().join("revisions/000001");

    fs::write(folder.join("sources/0001"), "other").unwrap();
    let revision = revisions.active().unwrap().unwrap();
    let error = revision.tree().unwrap_err();
    assert!(matches!(&error, RevisionError::Damaged { number: 1, file } if file.ends_with("sources/0001")));

    let record = fs::read_to_string(folder.join("record.json")).unwrap();
    fs::write(folder.join("record.json"), record.replace("sha256:1", "sha256:2")).unwrap();
    assert!(matches!(revisions.active(), Err(RevisionError::Damaged { number: 1, .. })));
    fs::remove_file(folder.join("record.json")).unwrap();
    assert!(matches!(revisions.active(), Err(RevisionError::Damaged { number: 1, .. })));

    fs::write(state.path().join("revisions/current"), "0000").unwrap();
    assert!(matches!(revisions.active(), Err(RevisionError::Pointer { .. })));
    fs::write(state.path().join("revisions/current"), "000009\n").unwrap();
    assert!(matches!(revisions.active(), Err(RevisionError::Unknown(9))));
}

#[test]
fn what_a_killed_daemon_left_unfinished_is_removed_and_numbers_go_on() {
    let state = tempfile::tempdir().unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    revisions.prepare(&draft("sha256:1", &files())).unwrap();
    fs::create_dir_all(state.path().join("revisions/.new-x/sources")).unwrap();
    fs::write(state.path().join("revisions/.new-y"), "0").unwrap();
    let revisions = Revisions::open(state.path()).unwrap();
    assert_eq!(DiskTree.list(&state.path().join("revisions")).unwrap(), ["000001"]);
    // The one that was only prepared keeps its number.
    assert_eq!(revisions.prepare(&draft("sha256:2", &files())).unwrap(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("revisions"), "a file in the way").unwrap();
    let error = Revisions::open(state.path()).unwrap_err();
    assert!(matches!(&error, RevisionError::Io { path, .. } if path.ends_with("revisions")));
}
