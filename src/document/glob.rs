//! The patterns of `include`: `*` and `?` in any component of a path.

use std::path::{Path, PathBuf};

use super::FileTree;

/// True if the text is a pattern, not a literal name.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// True if `name` fits `pattern`: `*` is any run, `?` any one character. A name
/// that starts with a dot (an editor's swap file) is met by a dot only.
pub fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stood, and how far it has eaten: all that must be retried.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, eaten)) = star else { return false };
                star = Some((at, eaten + 1));
                p = at + 1;
                n = eaten + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// What a pattern found.
#[derive(Debug, Default)]
pub struct Matches {
    /// What fits, in the order of the names; a folder among them cannot be read.
    pub files: Vec<PathBuf>,
    /// Folders that were listed, or would be if they were there.
    pub folders: Vec<PathBuf>,
}

/// Everything under `base` that fits `pattern`. A folder that is not there holds nothing.
///
/// # Errors
/// The folder that is there but cannot be listed, and why.
pub fn expand(tree: &dyn FileTree, base: &Path, pattern: &str) -> Result<Matches, (PathBuf, std::io::Error)> {
    let mut found = Matches::default();
    let mut here = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { base.to_path_buf() }];
    let parts: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        let mut next = Vec::new();
        for folder in here {
            if !is_pattern(part) {
                next.push(folder.join(part));
                continue;
            }
            found.folders.push(folder.clone());
            let names = match tree.list(&folder) {
                Ok(names) => names,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err((folder, error)),
            };
            let paths = names.iter().filter(|n| fits(part, n)).map(|n| folder.join(n));
            // A folder that fits where files are meant is kept: reading it says so.
            next.extend(paths.filter(|p| last || tree.is_folder(p)));
        }
        here = next;
    }
    found.files = here;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::MemoryTree;

    #[test]
    fn patterns_fit() {
        for (pattern, name, want) in [
            ("*.toml", "a.toml", true),
            ("*.toml", ".a.toml", false),
            ("*.toml", "a.toml~", false),
            ("?0-*.toml", "10-税.toml", true),
            ("a*b*c", "axxbxxbc", true),
            ("a*b*c", "axxbxxb", false),
            ("**", "", true),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        assert!(!fits(&"*a".repeat(200), &"a".repeat(150)));
    }

    #[test]
    fn folders_are_walked_and_an_absent_one_is_empty() {
        let tree = MemoryTree::new([("/e/a/1.toml", ""), ("/e/b/2.toml", ""), ("/e/b/x.csv", ""), ("/e/z.toml", "")]);
        let found = expand(&tree, Path::new("/e"), "*/*.toml").unwrap();
        assert_eq!(found.files, [PathBuf::from("/e/a/1.toml"), PathBuf::from("/e/b/2.toml")]);
        assert_eq!(expand(&tree, Path::new("/e"), "?").unwrap().files, [PathBuf::from("/e/a"), PathBuf::from("/e/b")]);
        assert!(expand(&tree, Path::new("/e"), "none/*.toml").unwrap().files.is_empty());
    }
}
