//! A `ComfyUI` that is none: it gives every picture back as it came, step by step, and can be killed at any
//! moment, with all its connections.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use overpaint::catalog::{Server, ServerKind};
use serde_json::{Value as Json, json};
use tungstenite::Message;

const STEPS: u32 = 8;

#[derive(Default)]
struct Inside {
    files: BTreeMap<String, Vec<u8>>,
    /// Its graph, and when it began.
    jobs: BTreeMap<String, (Json, Instant)>,
    streams: Vec<TcpStream>,
}

struct Shared {
    inside: Mutex<Inside>,
    is_dead: AtomicBool,
    is_hung: AtomicBool,
    step: Duration,
    done: Arc<AtomicUsize>,
}

pub(crate) struct Comfy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Comfy {
    /// A server that takes that long for a step.
    pub(crate) fn start(step: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::listening(listener, step, Arc::default())
    }

    fn listening(listener: TcpListener, step: Duration, done: Arc<AtomicUsize>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            inside: Mutex::default(),
            is_dead: AtomicBool::new(false),
            is_hung: AtomicBool::new(false),
            step,
            done,
        });
        let of_thread = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming().flatten() {
                if of_thread.is_dead.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&of_thread);
                let clone = stream.try_clone().unwrap();
                shared.inside.lock().unwrap().streams.push(clone);
                let thread = std::thread::Builder::new().name("a server".to_owned());
                thread.spawn(move || answer(stream, &shared)).unwrap();
            }
        };
        let thread = std::thread::Builder::new().name("a server".to_owned());
        Self {
            port,
            shared,
            accepting: Some(thread.spawn(accept).unwrap()),
        }
    }

    /// How it is known.
    pub(crate) fn server(&self, name: &str) -> Server {
        Server {
            name: name.to_owned(),
            address: format!("http://127.0.0.1:{}", self.port),
            kind: ServerKind::Comfy,
            is_confirmed: true,
        }
    }

    /// Pictures that were fetched.
    pub(crate) fn done(&self) -> usize {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// The graph of some job.
    pub(crate) fn graph(&self) -> Json {
        let inside = self.shared.inside.lock().unwrap();
        inside.jobs.values().next().unwrap().0.clone()
    }

    /// It keeps its connections, and says nothing any more.
    pub(crate) fn hang(&self) {
        self.shared.is_hung.store(true, Ordering::SeqCst);
    }

    /// It is gone in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.shared.is_dead.store(true, Ordering::SeqCst);
        // Nothing listens any more once its thread has seen it.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        if let Some(thread) = self.accepting.take() {
            thread.join().unwrap();
        }
        for stream in &self.shared.inside.lock().unwrap().streams {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Comfy {
    /// It is started again at the same address, after it was killed, and knows nothing of before.
    pub(crate) fn restart(&mut self) {
        let give_up = Instant::now() + Duration::from_secs(20);
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)) {
                Ok(listener) => break listener,
                // The system may hold it for a moment.
                Err(error) => assert!(Instant::now() < give_up, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let done = Arc::clone(&self.shared.done);
        *self = Self::listening(listener, self.shared.step, done);
    }
}

impl Drop for Comfy {
    fn drop(&mut self) {
        if self.accepting.is_some() {
            self.kill();
        }
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) {
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut start = [0; 8];
    if stream.peek(&mut start).unwrap_or(0) < 8 {
        return;
    }
    if shared.is_hung.load(Ordering::SeqCst) {
        stream.set_read_timeout(None).unwrap();
        // Until the other side has had enough.
        while stream.read(&mut start).is_ok_and(|count| count > 0) {}
        return;
    }
    if start.starts_with(b"GET /ws") {
        tell(stream, shared);
        return;
    }
    let Some((path, body)) = read(&mut stream) else {
        return;
    };
    let body = said(&path, &body, shared);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(&body).ok();
}

fn tell(stream: TcpStream, shared: &Shared) {
    let Ok(mut socket) = tungstenite::accept(stream) else {
        return;
    };
    let mut send = |kind: &str, data: Json| {
        while shared.is_hung.load(Ordering::SeqCst) && !shared.is_dead.load(Ordering::SeqCst) {
            std::thread::sleep(shared.step);
        }
        let text = json!({"type": kind, "data": data}).to_string();
        let is_sent = socket.send(Message::text(text)).is_ok();
        is_sent && !shared.is_dead.load(Ordering::SeqCst)
    };
    let is_alive = || !shared.is_dead.load(Ordering::SeqCst);
    let mut told: Vec<String> = Vec::new();
    while is_alive() {
        std::thread::sleep(shared.step / 4);
        let inside = shared.inside.lock().unwrap();
        let new = inside.jobs.keys().find(|id| !told.contains(id)).cloned();
        drop(inside);
        let Some(id) = new else {
            // Without this a closed connection would not be noticed.
            if !send("status", json!({})) {
                return;
            }
            continue;
        };
        send("executing", json!({"node": "sampler", "prompt_id": id}));
        for value in 1..=STEPS {
            std::thread::sleep(shared.step);
            let data = json!({"value": value, "max": STEPS, "prompt_id": id});
            if !send("progress", data) {
                return;
            }
        }
        send("executing", json!({"node": null, "prompt_id": id}));
        told.push(id);
    }
}

fn said(path: &str, body: &[u8], shared: &Shared) -> Vec<u8> {
    let mut inside = shared.inside.lock().unwrap();
    let whole = path.split('?').next().unwrap();
    if let Some(node) = whole.strip_prefix("/object_info/") {
        let choices = json!({"required": {
            "ckpt_name": [["m"]], "lora_name": [["styles/ink.safetensors", "oil.safetensors"]], "sampler_name": [["euler"]],
        }});
        let info = BTreeMap::from([(node, json!({"input": choices}))]);
        return json!(info).to_string().into_bytes();
    }
    if let Some(id) = whole.strip_prefix("/history/") {
        let took = shared.step * STEPS;
        let began = inside.jobs.get(id).map(|(_, began)| *began);
        let is_done = began.is_some_and(|began| began.elapsed() >= took);
        let image = json!([{"filename": id, "subfolder": "", "type": "temp"}]);
        let entry = json!({
            "status": {"status_str": "success"},
            "outputs": {"result": {"images": image}, "round-trip": {"images": image}},
        });
        let history = is_done.then(|| (id.to_owned(), entry));
        let history: serde_json::Map<String, Json> = history.into_iter().collect();
        return Json::Object(history).to_string().into_bytes();
    }
    let answer = match whole {
        "/system_stats" => json!({"devices": [{"name": "none"}]}),
        "/upload/image" => {
            let name = format!("file-{}.png", inside.files.len());
            inside.files.insert(name.clone(), file(body).to_vec());
            json!({"name": name, "subfolder": "", "type": "temp"})
        }
        "/prompt" => {
            let body: Json = serde_json::from_slice(body).unwrap();
            let id = body["prompt_id"].as_str().unwrap().to_owned();
            let graph = body["prompt"].clone();
            inside.jobs.insert(id.clone(), (graph, Instant::now()));
            json!({"prompt_id": id, "number": 1, "node_errors": {}})
        }
        "/queue" => {
            let jobs: Vec<Json> = inside.jobs.keys().map(|id| json!([0, id])).collect();
            json!({"queue_running": jobs, "queue_pending": []})
        }
        "/view" => {
            let id = path.split("filename=").nth(1).unwrap();
            let id = id.split('&').next().unwrap();
            let name = inside.jobs[id].0["picture"]["inputs"]["image"].clone();
            let name = name.as_str().unwrap().trim_end_matches(" [temp]");
            shared.done.fetch_add(1, Ordering::SeqCst);
            return inside.files[name].clone();
        }
        _ => json!({}),
    };
    answer.to_string().into_bytes()
}

/// The file of an upload: a PNG, from its signature to the end of its last chunk.
fn file(body: &[u8]) -> &[u8] {
    let at = |part: &[u8]| body.windows(part.len()).position(|window| window == part);
    let start = at(b"\x89PNG").unwrap();
    let end = at(b"IEND").unwrap() + 8;
    &body[start..end]
}

/// Path and body of a request.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1 << 14];
    let mut more = |bytes: &mut Vec<u8>| {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        Some(())
    };
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(&mut bytes)?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().unwrap())
    });
    while bytes.len() < end + length.unwrap_or(0) {
        more(&mut bytes)?;
    }
    Some((head.split(' ').nth(1)?.to_owned(), bytes.split_off(end)))
}
