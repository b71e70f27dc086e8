//! [`Socket`]: what `ComfyUI` tells while it works.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{HandshakeError, Message, WebSocket};

use crate::engine::Progress;
use crate::engine::remote::http::Http;
use crate::engine::remote::picture::decoded;
use crate::raster::RgbF32;

/// Between two looks whether a greeting was answered.
const HANDSHAKE: Duration = Duration::from_millis(2);

/// Something it told.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Nothing in the time that was waited.
    Nothing,
    /// JSON: its type and data.
    Said(String, Json),
    /// A look at an unfinished result.
    Preview(RgbF32),
    /// The connection is no more.
    Ended,
}

/// A connection on which the server tells how far it is.
pub(super) struct Socket(WebSocket<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects; `None` where that cannot be done, and then the job is asked after instead.
    pub(super) fn connect(http: &Http, client: &str, progress: &mut dyn Progress) -> Option<Self> {
        let address = http.address();
        let (scheme, rest) = address.split_once("://")?;
        let scheme = if scheme == "https" { "wss" } else { "ws" };
        let stream = http.connection().ok()?;
        // A server that takes a connection and says nothing must not keep a cancelled run.
        stream.set_nonblocking(true).ok()?;
        let url = format!("{scheme}://{rest}/ws?clientId={client}");
        let mut request = url.into_client_request().ok()?;
        for (name, value) in http.headers() {
            let name = HeaderName::try_from(name.as_str()).ok()?;
            let value = HeaderValue::try_from(value.as_str()).ok()?;
            request.headers_mut().insert(name, value);
        }
        let give_up = Instant::now() + http.pace.connect;
        let mut greeted = tungstenite::client_tls(request, stream);
        loop {
            match greeted {
                Ok((socket, _)) => return Self(socket).blocking(http.pace.connect),
                Err(HandshakeError::Interrupted(_)) if Instant::now() >= give_up => return None,
                Err(HandshakeError::Interrupted(half)) => {
                    progress.checkpoint().ok()?;
                    std::thread::sleep(HANDSHAKE);
                    greeted = half.handshake();
                }
                Err(HandshakeError::Failure(_)) => return None,
            }
        }
    }

    fn blocking(self, write: Duration) -> Option<Self> {
        let stream = self.stream()?;
        stream.set_nonblocking(false).ok()?;
        stream.set_write_timeout(Some(write)).ok()?;
        Some(self)
    }

    fn stream(&self) -> Option<&TcpStream> {
        match self.0.get_ref() {
            MaybeTlsStream::Plain(stream) => Some(stream),
            MaybeTlsStream::Rustls(stream) => Some(&stream.sock),
            _ => None,
        }
    }

    /// The next thing it tells, waiting at most that long.
    pub(super) fn next(&mut self, wait: Duration) -> Told {
        if let Some(stream) = self.stream()
            && stream.set_read_timeout(Some(wait)).is_err()
        {
            return Told::Ended;
        }
        match self.0.read() {
            Ok(Message::Text(text)) => said(&text),
            Ok(Message::Binary(bytes)) => preview(&bytes),
            Ok(Message::Close(_)) => Told::Ended,
            Ok(_) => Told::Nothing,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Told::Nothing
            }
            Err(_) => Told::Ended,
        }
    }
}

fn said(text: &str) -> Told {
    let Ok(mut json) = serde_json::from_str::<Json>(text) else {
        return Told::Nothing;
    };
    let kind = json.get("type").and_then(Json::as_str).map(str::to_owned);
    let data = json.get_mut("data").map(Json::take);
    kind.map_or(Told::Nothing, |kind| {
        Told::Said(kind, data.unwrap_or_default())
    })
}

/// A binary message: the kind of event (1: a preview), the kind of file, the file; all numbers big-endian.
fn preview(bytes: &[u8]) -> Told {
    const PREVIEW: [u8; 4] = [0, 0, 0, 1];
    let picture = bytes
        .strip_prefix(&PREVIEW)
        .and_then(|rest| rest.get(4..))
        .and_then(decoded);
    picture.map_or(Told::Nothing, Told::Preview)
}
