//! Whether a picture can be written where it shall be: all that can be known before there is one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{FileFormat, PictureError, PlaceProblem};
use crate::geometry::Extent;

/// Links to links that are followed; as many as Linux follows.
const MOST_LINKS: usize = 40;

/// The kind of file that is to be written to `path`: `chosen`, or what its extension says.
pub fn writable_format(
    path: &Path,
    chosen: Option<FileFormat>,
) -> Result<FileFormat, PictureError> {
    chosen
        .or_else(|| FileFormat::of_path(path))
        .filter(|format| FileFormat::WRITABLE.contains(format))
        .ok_or_else(|| PictureError::UnknownExtension {
            path: path.to_path_buf(),
        })
}

/// Refuses a picture that a file of that kind cannot hold.
pub fn check_size(path: &Path, format: FileFormat, extent: Extent) -> Result<(), PictureError> {
    if extent.is_empty() {
        return Err(PictureError::NoPixels {
            path: path.to_path_buf(),
        });
    }
    let limit_px = match format {
        FileFormat::Jpeg => 65_535,
        FileFormat::WebP => 16_383,
        // PNG's 2³¹ − 1 a side and TIFF's 4 GiB are beyond the largest picture there is here.
        FileFormat::Png | FileFormat::Tiff | FileFormat::Bmp | FileFormat::Gif => u32::MAX,
    };
    if extent.width.max(extent.height) > limit_px {
        return Err(PictureError::TooLargeForFormat {
            path: path.to_path_buf(),
            kind: format.name().to_owned(),
            limit_px,
        });
    }
    Ok(())
}

/// The file that writing to `path` makes or replaces: links are followed, also one that points to
/// nothing yet. An error where no file can be written there, by all that can be known without
/// writing one. Permissions are also read, not only tried, because root may write everywhere.
pub fn check_place(path: &Path) -> Result<PathBuf, PictureError> {
    let problem = |problem| PictureError::NoPlace {
        path: path.to_path_buf(),
        problem,
    };
    let refused = |error: &io::Error| match error.kind() {
        ErrorKind::InvalidFilename => problem(PlaceProblem::NameTooLong),
        _ => PictureError::Write {
            path: path.to_path_buf(),
            why: error.to_string(),
        },
    };
    let (folder, name) = folder_and_name(path).ok_or_else(|| problem(PlaceProblem::NamesFolder))?;
    check_folder(&folder).map_err(problem)?;
    let target = followed(folder.join(name)).map_err(|error| refused(&error))?;
    let (folder, name) =
        folder_and_name(&target).ok_or_else(|| problem(PlaceProblem::NamesFolder))?;
    check_folder(&folder).map_err(problem)?;
    let folder = folder.canonicalize().map_err(|error| refused(&error))?;
    let target = folder.join(name);
    match fs::symlink_metadata(&target) {
        Ok(old) if old.is_dir() => return Err(problem(PlaceProblem::NamesFolder)),
        Ok(old) if !old.is_file() => return Err(problem(PlaceProblem::NotAFile)),
        Ok(old) if is_read_only(&old) => return Err(problem(PlaceProblem::ReadOnly)),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(refused(&error)),
    }
    // On Linux a file without a name, which nobody sees come and go.
    match tempfile::tempfile_in(&folder) {
        Ok(_) => Ok(target),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Err(problem(PlaceProblem::FolderReadOnly(folder)))
        }
        Err(error) => Err(refused(&error)),
    }
}

/// As [`check_place`], for files that are to be written together: no two of them may lie at one
/// place, be it through links or on a disk that takes capitals and small letters for the same.
pub fn check_places<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), PictureError> {
    let mut taken: HashMap<OsString, &Path> = HashMap::new();
    for path in paths {
        let target = check_place(path)?;
        let place = match target.to_str() {
            Some(target) => target.to_lowercase().into(),
            None => target.into_os_string(),
        };
        if let Some(other) = taken.insert(place, path) {
            return Err(PictureError::NoPlace {
                path: path.to_path_buf(),
                problem: PlaceProblem::NamedTwice(other.to_path_buf()),
            });
        }
    }
    Ok(())
}

/// `None` where the path names a folder: it ends with `/`, `.` or `..`, or is empty.
fn folder_and_name(path: &Path) -> Option<(PathBuf, OsString)> {
    let last = *path.as_os_str().as_encoded_bytes().last()?;
    if std::path::is_separator(char::from(last)) {
        return None;
    }
    let name = path.file_name()?;
    // `a/.` has the name `a` for the standard library.
    if !path
        .as_os_str()
        .as_encoded_bytes()
        .ends_with(name.as_encoded_bytes())
    {
        return None;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Some((folder, name.to_os_string()))
}

/// Where the links from `path` on end, whether there is something or not.
fn followed(mut path: PathBuf) -> io::Result<PathBuf> {
    for _ in 0..MOST_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or_else(|| Path::new(".")).join(to);
            }
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the links lead in a circle"))
}

fn check_folder(folder: &Path) -> Result<(), PlaceProblem> {
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(PlaceProblem::FolderIsFile(folder.to_path_buf())),
        Ok(found) if is_closed(&found) => Err(PlaceProblem::FolderReadOnly(folder.to_path_buf())),
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            // Something on the way to it is a file.
            ErrorKind::NotADirectory => {
                let is_file = |part: &&Path| fs::metadata(part).is_ok_and(|found| !found.is_dir());
                let file = folder.ancestors().find(is_file).unwrap_or(folder);
                PlaceProblem::FolderIsFile(file.to_path_buf())
            }
            ErrorKind::InvalidFilename => PlaceProblem::NameTooLong,
            ErrorKind::PermissionDenied => PlaceProblem::FolderReadOnly(folder.to_path_buf()),
            _ => PlaceProblem::NoFolder(folder.to_path_buf()),
        }),
    }
}

/// True for a file that its owner may not write.
fn is_read_only(file: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.permissions().mode() & 0o200 == 0
    }
    #[cfg(not(unix))]
    file.permissions().readonly()
}

/// True for a folder that nobody may write to. Elsewhere a folder's mark means something else.
fn is_closed(folder: &fs::Metadata) -> bool {
    cfg!(unix) && folder.permissions().readonly()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn problem(path: &Path) -> PlaceProblem {
        match check_place(path) {
            Err(PictureError::NoPlace { problem, .. }) => problem,
            other => panic!("{}: {other:?}", path.display()),
        }
    }

    #[test]
    fn a_place_is_judged_before_anything_is_written() {
        use PlaceProblem as P;
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        fs::write(at("old.png"), b"old").unwrap();
        fs::create_dir(at("folder.png")).unwrap();
        let real = room.path().canonicalize().unwrap();
        for good in [
            "new.png",
            "old.png",
            "folder.png/../new.png",
            "folder.png/x.png",
        ] {
            assert!(check_place(&at(good)).is_ok(), "{good}");
        }
        assert_eq!(check_place(&at("new.png")).unwrap(), real.join("new.png"));
        for folder in [
            "folder.png",
            "folder.png/",
            "new.png/",
            ".",
            "..",
            "new.png/.",
        ] {
            assert_eq!(problem(&at(folder)), P::NamesFolder, "{folder}");
        }
        assert_eq!(problem(Path::new("")), P::NamesFolder);
        assert_eq!(problem(&at("no/out.png")), P::NoFolder(at("no")));
        assert_eq!(
            problem(&at("no/../out.png")),
            P::NoFolder(at("no/..")),
            "as the system sees it"
        );
        for below in ["old.png/out.png", "old.png/deep/out.png"] {
            assert_eq!(
                problem(&at(below)),
                P::FolderIsFile(at("old.png")),
                "{below}"
            );
        }
        assert_eq!(problem(&at(&"é".repeat(200))), P::NameTooLong);
        assert_eq!(
            problem(&at(&format!("{}/o.png", "x".repeat(300)))),
            P::NameTooLong
        );
        let nul = check_place(Path::new("a\0b.png"));
        assert!(matches!(nul, Err(PictureError::Write { .. })), "{nul:?}");
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_count_for_root_too() {
        use std::os::unix::fs::PermissionsExt as _;
        let room = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let file = room.path().join("kept.png");
        fs::write(&file, b"kept").unwrap();
        set(&file, 0o444);
        assert_eq!(problem(&file), PlaceProblem::ReadOnly);
        set(&file, 0o644);
        assert!(check_place(&file).is_ok());
        let folder = room.path().join("closed");
        fs::create_dir(&folder).unwrap();
        set(&folder, 0o555);
        assert_eq!(
            problem(&folder.join("out.png")),
            PlaceProblem::FolderReadOnly(folder.clone())
        );
        set(&folder, 0o755);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_left_alone() {
        use std::os::unix::fs::symlink;
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        let real = room.path().canonicalize().unwrap();
        fs::create_dir(at("there")).unwrap();
        symlink("there/new.png", at("dangling.png")).unwrap();
        symlink("dangling.png", at("twice.png")).unwrap();
        for link in ["dangling.png", "twice.png"] {
            assert_eq!(check_place(&at(link)).unwrap(), real.join("there/new.png"));
        }
        symlink("nowhere/new.png", at("lost.png")).unwrap();
        assert!(matches!(
            problem(&at("lost.png")),
            PlaceProblem::NoFolder(_)
        ));
        symlink("circle.png", at("circle.png")).unwrap();
        assert!(matches!(
            check_place(&at("circle.png")),
            Err(PictureError::Write { .. })
        ));
        symlink("/dev/null", at("null.png")).unwrap();
        assert_eq!(problem(&at("null.png")), PlaceProblem::NotAFile);
        assert_eq!(problem(Path::new("/dev/full")), PlaceProblem::NotAFile);
        let _socket = std::os::unix::net::UnixListener::bind(at("socket.png")).unwrap();
        assert_eq!(problem(&at("socket.png")), PlaceProblem::NotAFile);
    }

    #[cfg(unix)]
    #[test]
    fn two_files_at_one_place_are_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        use std::os::unix::fs::symlink;
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        fs::create_dir(at("there")).unwrap();
        symlink("there/new.png", at("dangling.png")).unwrap();
        symlink("there", at("also")).unwrap();
        fs::write(at("one.png"), b"old").unwrap();
        fs::hard_link(at("one.png"), at("linked.png")).unwrap();
        for (a, b, is_one) in [
            ("a.png", "a.png", true),
            ("a.png", "./a.png", true),
            ("a.png", "A.PNG", true),
            ("Ä.png", "ä.png", true),
            ("a.png", "b.png", false),
            ("dangling.png", "there/new.png", true),
            ("also/x.png", "there/x.png", true),
            ("also/x.png", "x.png", false),
            ("also/../x.png", "x.png", true),
            // A file is replaced under the name given; its other names stay with the old one.
            ("one.png", "linked.png", false),
        ] {
            let (first, second) = (at(a), at(b));
            let answer = check_places([first.as_path(), &at("between.png"), &second]);
            let twice = PictureError::NoPlace {
                path: second,
                problem: PlaceProblem::NamedTwice(first),
            };
            assert_eq!(answer.err(), is_one.then_some(twice), "{a} {b}");
        }
        let strange = |last: u8| {
            let name = [b'x', last, b'.', b'p', b'n', b'g'];
            room.path().join(std::ffi::OsStr::from_bytes(&name))
        };
        assert!(check_places([strange(0xfe).as_path(), &strange(0xff)]).is_ok());
        assert!(check_places([strange(0xff).as_path(), &strange(0xff)]).is_err());
        assert!(
            check_places([at("no/x.png").as_path()]).is_err(),
            "each is checked"
        );
    }

    #[test]
    fn every_kind_has_its_limit() {
        let path = Path::new("p");
        for (format, fits, too_long) in [
            (FileFormat::WebP, 16_383, Some(16_384)),
            (FileFormat::Jpeg, 65_535, Some(65_536)),
            (FileFormat::Png, 200_000_000, None),
            (FileFormat::Tiff, 200_000_000, None),
        ] {
            for side in [1, fits] {
                assert!(check_size(path, format, Extent::new(side, 1)).is_ok());
            }
            let refused = too_long.map(|side| check_size(path, format, Extent::new(1, side)));
            assert!(refused.is_none_or(|answer| answer.is_err()));
            assert!(check_size(path, format, Extent::new(0, 1)).is_err());
        }
    }
}
