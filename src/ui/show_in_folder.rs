//! Shows a file in the desktop's file manager.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Opens the folder of `path` in the file manager, with the file chosen where that can be asked for. A
/// desktop without one does nothing.
pub(super) fn show(path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    // A file manager may take its time to answer.
    let shown = std::thread::Builder::new().name("show in folder".to_owned());
    drop(shown.spawn(move || show_here(&path)));
}

#[cfg(target_os = "linux")]
fn show_here(path: &Path) {
    let address = address(path);
    let asked = async || -> zbus::Result<()> {
        let bus = zbus::Connection::session().await?;
        let (name, items) = ("org.freedesktop.FileManager1", [address.as_str()]);
        let place = "/org/freedesktop/FileManager1";
        bus.call_method(Some(name), place, Some(name), "ShowItems", &(items, ""))
            .await?;
        Ok(())
    };
    if wait_for(asked()).is_err() {
        run("xdg-open", &[folder_of(path)]);
    }
}

/// Runs a future to its end on this thread.
#[cfg(target_os = "linux")]
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(target_os = "macos")]
fn show_here(path: &Path) {
    run("open", &[PathBuf::from("-R"), path.to_path_buf()]);
}

#[cfg(target_os = "windows")]
fn show_here(path: &Path) {
    let mut choose = std::ffi::OsString::from("/select,");
    choose.push(path);
    run("explorer", &[PathBuf::from(choose)]);
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn show_here(path: &Path) {
    run("xdg-open", &[folder_of(path)]);
}

#[cfg_attr(
    any(target_os = "macos", target_os = "windows"),
    expect(dead_code, reason = "theirs choose the file")
)]
fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_path_buf()
}

fn run(program: &str, arguments: &[PathBuf]) {
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut started) = started {
        // Else it would stay behind as a zombie.
        drop(started.wait());
    }
}

/// The path as an address, in which all but the plainest bytes are escaped.
#[cfg(target_os = "linux")]
fn address(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut address = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(*byte));
            }
            // A string takes everything.
            other => _ = write!(address, "%{other:02X}"),
        }
    }
    address
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_address_escapes_what_is_not_plain() {
        let path = Path::new("/a b/貓#1.safetensors");
        assert_eq!(address(path), "file:///a%20b/%E8%B2%93%231.safetensors");
    }
}
