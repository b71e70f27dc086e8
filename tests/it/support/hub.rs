//! [`Server`]: a web server on 127.0.0.1 that answers as a test says: honestly, slowly, half, or with lies.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    /// How many requests came before, of all paths.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte of `Range: bytes=N-`.
    pub(crate) fn from(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split('-').next()?.parse().ok()
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection is cut after so many bytes of the body.
    pub(crate) cut_after: Option<usize>,
    /// `Content-Length`, where it is not the body's.
    pub(crate) promised: Option<usize>,
    /// Without `Content-Length`.
    pub(crate) unsized_body: bool,
    /// Between pieces of so many bytes.
    pub(crate) pause: Option<(usize, Duration)>,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), format!("{value}")));
        self
    }

    /// A file as an honest server gives it: whole, or the part that is asked for.
    pub(crate) fn file(asked: &Asked, bytes: &[u8], etag: &str) -> Self {
        let total = bytes.len();
        let quoted = format!("\"{etag}\"");
        let is_same = asked.header("if-range").is_none_or(|of| of == quoted);
        let answer = match asked.from() {
            Some(from) if is_same && from >= total => {
                return Self::status(416).with("Content-Range", format!("bytes */{total}"));
            }
            Some(from) if is_same => Self {
                body: bytes[from..].to_vec(),
                ..Self::status(206).with(
                    "Content-Range",
                    format!("bytes {from}-{}/{total}", total - 1),
                )
            },
            _ => Self {
                body: bytes.to_vec(),
                ..Self::status(200)
            },
        };
        answer.with("ETag", quoted).with("Accept-Ranges", "bytes")
    }

    pub(crate) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self {
            body: text.into(),
            ..Self::status(200)
        }
    }
}

/// A server that lives as long as this does.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Receiver<Asked>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (say, asked) = sync_channel(100_000);
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, answer) = (Arc::clone(&stop), Arc::new(answer));
        let before = Arc::new(AtomicUsize::new(0));
        let thread = std::thread::Builder::new().spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                let (answer, say) = (Arc::clone(&answer), say.clone());
                let (before, flag) = (Arc::clone(&before), Arc::clone(&flag));
                let serve = move || {
                    // A client that went away is no failure of the server.
                    drop(serve(stream, answer.as_ref(), &say, (&before, &flag)));
                };
                std::thread::Builder::new().spawn(serve).unwrap();
            }
        });
        Self {
            url,
            asked,
            stop,
            thread: Some(thread.unwrap()),
        }
    }

    /// What was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    stream: TcpStream,
    answer: &(impl Fn(&Asked) -> Answer + ?Sized),
    say: &SyncSender<Asked>,
    (before, stop): (&AtomicUsize, &AtomicBool),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let mut asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        before: before.fetch_add(1, Ordering::Relaxed),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            asked.headers.insert(name, value.trim().to_owned());
        }
    }
    drop(say.send(asked.clone()));
    if asked.method == "CONNECT" {
        return tunnel(stream, &asked.path);
    }
    let answer = answer(&asked);
    let mut head = vec![
        format!("HTTP/1.1 {} Scripted", answer.status),
        "Connection: close".to_owned(),
    ];
    let said = answer.headers.iter();
    head.extend(said.map(|(name, value)| format!("{name}: {value}")));
    if !answer.unsized_body {
        let promised = answer.promised.unwrap_or(answer.body.len());
        head.push(format!("Content-Length: {promised}"));
    }
    let mut stream = stream;
    stream.write_all(head.join("\r\n").as_bytes())?;
    stream.write_all(b"\r\n\r\n")?;
    let cut = answer.cut_after.unwrap_or(answer.body.len());
    let body = &answer.body[..cut.min(answer.body.len())];
    let (piece, pause) = answer.pause.unwrap_or((1 << 16, Duration::ZERO));
    for piece in body.chunks(piece) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        stream.write_all(piece)?;
        stream.flush()?;
        std::thread::sleep(pause);
    }
    Ok(())
}

/// A proxy's work: carries bytes both ways.
fn tunnel(mut near: TcpStream, to: &str) -> std::io::Result<()> {
    let mut far = TcpStream::connect(to)?;
    near.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut near_in, mut far_out) = (near.try_clone()?, far.try_clone()?);
    let up = std::thread::Builder::new().spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = near_in.read(&mut bytes) {
            if far_out.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
    })?;
    std::io::copy(&mut far, &mut near)?;
    drop(near.shutdown(std::net::Shutdown::Both));
    drop(up.join());
    Ok(())
}
