//! Scripted servers on loopback: each connection is answered by the script and closed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tungstenite::{Message, WebSocket};

use super::PACE;
use crate::catalog::{Server, ServerKind};
use crate::engine::remote::picture::{decoded, png};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// The file of an upload, or the whole body.
    pub(super) fn file(&self) -> &[u8] {
        let start = find(&self.body, b"image/png\r\n\r\n").map_or(0, |at| at + 13);
        let rest = &self.body[start..];
        let end = rest.len() - rest.iter().rev().take_while(|b| **b != b'\r').count();
        let text = &rest[..end];
        &text[..find(text, b"\r\n--overpaint").unwrap_or(text.len())]
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// A status and a body.
    Say(u16, Vec<u8>),
    /// A redirect.
    Go(String),
    /// The connection is cut.
    Cut,
    /// The connection is kept, and nothing is said; so are all that follow.
    Hang,
}

pub(super) fn ok(json: &serde_json::Value) -> Answer {
    Answer::Say(200, json.to_string().into_bytes())
}

/// What a model of the scripted servers makes: the picture turned into its negative.
pub(super) fn negative(file: &[u8]) -> Vec<u8> {
    let mut picture = decoded(file).unwrap();
    for value in picture.pixels.iter_mut().flatten() {
        *value = 1.0 - *value;
    }
    png(&picture)
}

/// The life of a server that is killed once, when it is asked for something, and started again a while after.
pub(super) struct Life {
    at: &'static str,
    back: Mutex<Option<Instant>>,
}

impl Life {
    /// Its end comes with a request whose path holds that.
    pub(super) fn until(at: &'static str) -> Self {
        Self {
            at,
            back: Mutex::default(),
        }
    }

    /// True once: it dies of this.
    pub(super) fn ends_with(&self, path: &str) -> bool {
        let mut back = self.back.lock().unwrap();
        let ends = back.is_none() && path.contains(self.at);
        if ends {
            *back = Some(Instant::now() + PACE.absence / 4);
        }
        ends
    }

    /// True until it is started again.
    pub(super) fn is_over(&self) -> bool {
        let back = *self.back.lock().unwrap();
        back.is_some_and(|back| Instant::now() < back)
    }
}

pub(super) type Script = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;
pub(super) type Telling = Arc<dyn Fn(&mut WebSocket<TcpStream>) + Send + Sync>;

/// A server that runs until it is dropped.
pub(super) struct Scripted {
    pub(super) address: String,
    /// It hangs.
    pub(super) hangs: Arc<AtomicBool>,
    is_gone: Arc<AtomicBool>,
}

impl Scripted {
    pub(super) fn start(script: Script, telling: Option<Telling>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let is_gone = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_gone);
        let hangs = Arc::<AtomicBool>::default();
        let shared = Arc::clone(&hangs);
        let accept = move || {
            for stream in listener.incoming() {
                if gone.load(Ordering::SeqCst) {
                    break;
                }
                let (script, telling) = (Arc::clone(&script), telling.clone());
                let hangs = Arc::clone(&shared);
                let one = move || {
                    let stream = stream.unwrap();
                    if answer(&stream, &script, telling.as_ref(), &hangs).is_none() {
                        hangs.store(true, Ordering::SeqCst);
                        hang(stream);
                    }
                };
                let thread = std::thread::Builder::new().name("scripted".to_owned());
                thread.spawn(one).unwrap();
            }
        };
        let thread = std::thread::Builder::new().name("scripted".to_owned());
        thread.spawn(accept).unwrap();
        Self {
            address,
            hangs,
            is_gone,
        }
    }

    /// It stops listening.
    pub(super) fn stop(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
        let place = self.address.trim_start_matches("http://");
        drop(TcpStream::connect(place));
    }

    pub(super) fn server(&self, kind: ServerKind) -> Server {
        Server {
            name: "there".to_owned(),
            address: self.address.clone(),
            kind,
            is_confirmed: true,
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says nothing until the other side has had enough.
fn hang(mut stream: TcpStream) {
    stream.set_read_timeout(None).unwrap();
    let mut buffer = [0; 1 << 14];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// Answers, or `None`: it hangs.
fn answer(
    mut stream: &TcpStream,
    script: &Script,
    telling: Option<&Telling>,
    hangs: &AtomicBool,
) -> Option<()> {
    if hangs.load(Ordering::SeqCst) {
        return None;
    }
    let timeout = Some(Duration::from_secs(5));
    stream.set_read_timeout(timeout).unwrap();
    let mut start = [0; 8];
    if stream.peek(&mut start).unwrap_or(0) < 8 {
        return Some(());
    }
    if start.starts_with(b"GET /ws") {
        let asked = Asked {
            path: "/ws".to_owned(),
            head: String::new(),
            body: Vec::new(),
        };
        match script(&asked) {
            Answer::Hang => return None,
            Answer::Cut => return Some(()),
            _ => {}
        }
        let Some(telling) = telling else {
            return Some(());
        };
        if let Ok(mut socket) = tungstenite::accept(stream.try_clone().unwrap()) {
            telling(&mut socket);
            socket.close(None).ok();
        }
        return Some(());
    }
    let Some(asked) = read(&mut stream) else {
        return Some(());
    };
    let (status, more, body) = match script(&asked) {
        Answer::Say(status, body) => (status, String::new(), body),
        Answer::Go(to) => (302, format!("Location: {to}\r\n"), Vec::new()),
        Answer::Cut => return Some(()),
        Answer::Hang => return None,
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{more}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(&body).ok();
    Some(())
}

fn read(stream: &mut &TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1 << 14];
    let head_end = loop {
        if let Some(at) = find(&bytes, b"\r\n\r\n") {
            break at + 4;
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    while bytes.len() < head_end + length.unwrap_or(0) {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    }
    Some(Asked {
        path: head.split(' ').nth(1)?.to_owned(),
        body: bytes[head_end..].to_vec(),
        head,
    })
}

pub(super) fn tell(socket: &mut WebSocket<TcpStream>, json: &serde_json::Value) {
    socket.send(Message::text(json.to_string())).ok();
}
