//! [`Http`]: asks one server, sends what it wants to see, and never goes elsewhere.

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::catalog::{Access, Server};
use crate::engine::server_error::{Fault, ServerError, shortened};

/// The longest answer that is read: a picture of 100 megapixels as PNG.
const LONGEST: u64 = 512 << 20;

/// How patient we are with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Until it takes a connection.
    pub connect: Duration,
    /// Until it answers what needs no work.
    pub answer: Duration,
    /// How long a server that went away may take to come back.
    pub absence: Duration,
    /// For how long a server that goes away again and again is given the same job.
    pub returns: Duration,
    /// Between two looks at how far a job is.
    pub look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            absence: Duration::from_secs(30),
            returns: Duration::from_mins(10),
            look: Duration::from_millis(200),
        }
    }
}

/// Asks one server.
#[derive(Debug, Clone)]
pub(super) struct Http {
    agent: ureq::Agent,
    pub(super) server: String,
    address: String,
    headers: Vec<(String, String)>,
    pub(super) pace: Pace,
    made: Instant,
    /// When it was last heard of, in milliseconds since that; shared by all that ask it.
    heard: Arc<AtomicU64>,
}

impl Http {
    pub(super) fn new(server: &Server, access: &Access, pace: Pace) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take picture and key to whatever it names.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Nothing goes but to the server itself.
            .proxy(None)
            .user_agent(concat!("overpaint/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(pace.connect))
            .timeout_resolve(Some(pace.connect))
            .max_idle_age(Duration::from_secs(2))
            .build();
        let mut headers: Vec<_> = access.headers.clone().into_iter().collect();
        if let Some(key) = &access.key {
            let value = match key.split_once(':') {
                Some(_) => format!("Basic {}", BASE64.encode(key)),
                None => format!("Bearer {key}"),
            };
            headers.push(("Authorization".to_owned(), value));
        }
        Self {
            agent: config.new_agent(),
            server: server.name.clone(),
            address: server.address.clone(),
            headers,
            pace,
            made: Instant::now(),
            heard: Arc::default(),
        }
    }

    /// It is there, or what was before does not count any more.
    pub(super) fn note_heard(&self) {
        let now = self.made.elapsed().as_millis() as u64;
        self.heard.store(now, Ordering::Relaxed);
    }

    /// For how long nothing was heard of it.
    pub(super) fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(heard)
    }

    /// The same with connections of its own, and what ends them all, whoever waits for an answer on them.
    pub(super) fn apart(&self) -> (Self, ureq::Agent) {
        let agent = self.agent.config().clone().new_agent();
        let http = Self {
            agent: agent.clone(),
            ..self.clone()
        };
        (http, agent)
    }

    /// The error of this server.
    pub(super) fn fault(&self, fault: Fault) -> ServerError {
        ServerError {
            server: self.server.clone(),
            fault,
        }
    }

    /// Scheme, host, port and path of the server.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What is sent with everything.
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// A connection of its own to the server. One that is busy takes it too.
    pub(super) fn connection(&self) -> io::Result<TcpStream> {
        let nowhere = || io::Error::from(io::ErrorKind::NotFound);
        let (scheme, rest) = self.address.split_once("://").ok_or_else(nowhere)?;
        let host = rest.split('/').next().unwrap_or_default();
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let place = match (has_port, scheme) {
            (true, _) => host.to_owned(),
            (false, "https") => format!("{host}:443"),
            (false, _) => format!("{host}:80"),
        };
        let mut last = nowhere();
        for to in place.to_socket_addrs()? {
            match TcpStream::connect_timeout(&to, self.pace.connect) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The file at `path`, which begins with a slash; it may take as long as it likes once it has begun.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, ServerError> {
        self.got(path, (self.pace.answer, None))
    }

    /// What is at `path`, of JSON.
    pub(super) fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServerError> {
        self.get_json_within(path, self.pace.answer)
    }

    /// The same from a server that answers within `wait`.
    pub(super) fn get_json_within<T: DeserializeOwned>(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<T, ServerError> {
        self.read(&self.got(path, (wait, Some(wait)))?)
    }

    /// The bytes at `path` from a server that begins to answer within the one time and ends within the other.
    fn got(
        &self,
        path: &str,
        (begins, ends): (Duration, Option<Duration>),
    ) -> Result<Vec<u8>, ServerError> {
        let mut request = self.agent.get(format!("{}{path}", self.address));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.config().timeout_recv_response(Some(begins));
        let request = request.timeout_recv_body(ends).build();
        self.answer(request.call())
    }

    /// Sends JSON; `wait`: until it answers.
    pub(super) fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        wait: Option<Duration>,
    ) -> Result<Vec<u8>, ServerError> {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        self.send(path, ("application/json", &bytes), wait)
    }

    /// Sends a file with some fields, as a form of a web page does.
    pub(super) fn upload(
        &self,
        path: &str,
        (field, name, bytes): (&str, &str, &[u8]),
        fields: &[(&str, &str)],
    ) -> Result<Vec<u8>, ServerError> {
        // No PNG of ours holds this: it is longer than what repeats by chance, and no text is sent.
        const BOUNDARY: &str = "overpaint-5f1c0d7e2b9a4863-part";
        let mut body = Vec::with_capacity(bytes.len() + 1024);
        for (name, value) in fields {
            let part = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: image/png\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send(path, (&kind, &body), Some(self.pace.answer))
    }

    fn send(
        &self,
        path: &str,
        (kind, body): (&str, &[u8]),
        wait: Option<Duration>,
    ) -> Result<Vec<u8>, ServerError> {
        let mut request = self.agent.post(format!("{}{path}", self.address));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.header("Content-Type", kind);
        let request = request.config().timeout_recv_response(wait).build();
        self.answer(request.send(body))
    }

    /// Reads JSON.
    pub(super) fn read<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ServerError> {
        serde_json::from_slice(bytes).map_err(|_not_json| {
            let said = shortened(&String::from_utf8_lossy(bytes));
            self.fault(Fault::NotUnderstood { said })
        })
    }

    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, ServerError> {
        let mut answer = answer.map_err(|error| self.fault(of_ureq(error)))?;
        let status = answer.status().as_u16();
        let to = answer.headers().get("location");
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to = to.to_owned();
        let body = answer.body_mut().with_config().limit(LONGEST);
        let body = body.read_to_vec();
        let body = body.map_err(|error| self.fault(of_ureq(error)))?;
        let said = || String::from_utf8_lossy(&body).into_owned();
        // What stands before it answers then, not the server.
        if !matches!(status, 502..=504) {
            self.note_heard();
        }
        Err(self.fault(match status {
            200..=299 => return Ok(body),
            300..=399 => Fault::Redirected { to },
            401 | 403 => Fault::NotAllowed,
            413 => Fault::TooLarge,
            404 | 405 => Fault::NotUnderstood {
                said: format!("{status} {}", shortened(&said())),
            },
            502..=504 => Fault::Lost {
                why: status.to_string(),
            },
            507 => Fault::DiskFull,
            _ => Fault::of_words(&words(&said(), status)),
        }))
    }
}

/// What a server says of its failure, out of its JSON or page.
fn words(said: &str, status: u16) -> String {
    let json = serde_json::from_str::<serde_json::Value>(said).ok();
    let Some(json) = json else {
        return format!("{status} {said}");
    };
    let mut words = Vec::new();
    gather(&json, &mut words);
    words.join(": ")
}

/// All texts in a JSON value that people may read.
fn gather(json: &serde_json::Value, words: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) if !text.is_empty() => words.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        serde_json::Value::Object(map) => map
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "traceback" | "extra_info"))
            .for_each(|(_, item)| gather(item, words)),
        _ => {}
    }
}

fn of_ureq(error: ureq::Error) -> Fault {
    let why = error.to_string();
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::BadUri(_) => Fault::Refused { why },
        ureq::Error::Timeout(_) => Fault::Slow,
        ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => {
            Fault::Refused { why }
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Fault::Tls { why },
        ureq::Error::BodyExceedsLimit(_) => Fault::NotUnderstood { said: why },
        _ => Fault::Lost { why },
    }
}
