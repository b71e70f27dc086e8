//! [`Client`]: asks one server for one thing, follows redirects by hand, and lets nobody but the hub see its
//! token.

use std::io::Read;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address;
use super::error::DownloadError;

/// The hub where nothing else is said.
const HUB: &str = "https://huggingface.co";
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 8;

/// A secret of the user's. Shown nowhere.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A token as it was typed; `None` where nothing was.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        // What cannot stand in a header is no token.
        let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The wait before the second try; each further one doubles it.
    pub first_wait: Duration,
    /// Tries in which nothing new comes, before it is given up.
    pub tries: u32,
    /// A connection that is silent for so long is cut.
    pub silence: Duration,
    /// The longest that a server may make us wait between two tries.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            tries: 6,
            silence: Duration::from_mins(1),
            longest_wait: Duration::from_mins(2),
        }
    }
}

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where repositories are; `None`: huggingface.co.
    pub hub: Option<String>,
    /// For gated repositories. Sent to the hub only.
    pub token: Option<Token>,
    /// Through which all goes; `None`: what `HTTPS_PROXY` and its kin say.
    pub proxy: Option<String>,
    /// How patient it is.
    pub pace: Pace,
}

impl Options {
    /// What the environment says (`HF_ENDPOINT`, `HF_TOKEN`, `HTTPS_PROXY`); `preferred` is the token of the
    /// preferences, where the environment has none.
    pub fn from_env(preferred: Option<Token>) -> Self {
        let text = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let token = text("HF_TOKEN").and_then(|token| Token::new(&token));
        Self {
            hub: text("HF_ENDPOINT"),
            token: token.or(preferred),
            ..Self::default()
        }
    }
}

/// Asks servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    hub: String,
    token: Option<Token>,
    pace: Pace,
}

/// A request: an address, and what is asked for beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) url: String,
    /// `Range`, such as `bytes=100-`.
    pub(super) range: Option<String>,
    /// `If-Range`: the range counts only while the file is that one.
    pub(super) if_range: Option<String>,
}

impl Request {
    /// For the whole of it.
    pub(super) fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            range: None,
            if_range: None,
        }
    }
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// 200, 206 or 416; others are errors.
    pub(super) status: u16,
    /// Bytes of the body that follows, where that is said.
    pub(super) length: Option<u64>,
    /// Of a 206: the first byte.
    pub(super) start: Option<u64>,
    /// Of a 206 or 416: bytes of the whole.
    pub(super) total: Option<u64>,
    /// What names this very state of the file; weak ones are left out.
    pub(super) etag: Option<String>,
    /// What the hub says of the file before it sends one elsewhere: its checksum and size.
    pub(super) linked_etag: Option<String>,
    pub(super) linked_size: Option<u64>,
    /// Name of the file, where the server gives it one.
    pub(super) name: Option<String>,
}

impl Client {
    /// A client; an error where the proxy or hub are none.
    pub fn new(options: Options) -> Result<Self, DownloadError> {
        let hub = options.hub.as_deref().unwrap_or(HUB).trim_end_matches('/');
        if address::origin(hub).is_none() {
            return Err(DownloadError::BadSource(hub.to_owned()));
        }
        let proxy = match &options.proxy {
            Some(proxy) => Some(ureq::Proxy::new(proxy).map_err(|_| DownloadError::BadProxy)?),
            None => ureq::Proxy::try_from_env(),
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .user_agent(concat!("overpaint/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(Duration::from_secs(15)))
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(options.pace.silence))
            // A thread that nobody waits for any more ends some day.
            .timeout_recv_body(Some(Duration::from_hours(1)))
            .build();
        Ok(Self {
            agent: config.into(),
            hub: hub.to_owned(),
            token: options.token,
            pace: options.pace,
        })
    }

    /// Where repositories are, without a slash at its end.
    pub(super) fn hub(&self) -> &str {
        &self.hub
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// True for addresses of the hub, whose word on checksums counts.
    fn is_for_hub(&self, url: &str) -> bool {
        let of_hub = address::origin(&self.hub);
        of_hub.is_some() && address::origin(url) == of_hub
    }

    /// True where the token may be sent: to the hub and nobody else, and never where others could read it
    /// on its way.
    fn may_see_token(&self, url: &str) -> bool {
        self.is_for_hub(url) && (url.starts_with("https:") || address::is_this_machine(url))
    }

    /// Asks, and follows redirects. Blocks; the body is read from the second part.
    pub(super) fn get(
        &self,
        request: &Request,
    ) -> Result<(Head, impl Read + Send + 'static), DownloadError> {
        let mut url = request.url.clone();
        let mut linked = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let token = self.token.as_ref().filter(|_| self.may_see_token(&url));
            let mut asking = self.agent.get(&url);
            if let Some(Token(token)) = token {
                asking = asking.header("authorization", format!("Bearer {token}"));
            }
            if let Some(range) = &request.range {
                asking = asking.header("range", range);
            }
            if let Some(etag) = &request.if_range {
                asking = asking.header("if-range", etag);
            }
            let answer = asking.call().map_err(|error| unreachable(&url, &error))?;
            let (parts, body) = answer.into_parts();
            let text = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
            let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
            // Only the hub knows; a server it sends us to is not asked about the file's checksum.
            if self.is_for_hub(&url) {
                linked = (
                    linked.0.or_else(|| text("x-linked-etag")),
                    linked.1.or_else(|| number("x-linked-size")),
                );
            }
            let status = parts.status.as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let next = text("location").and_then(|to| address::joined(&url, &to));
                url = next.ok_or_else(|| DownloadError::Redirect(address::shown(&url)))?;
                continue;
            }
            if !matches!(status, 200 | 206 | 416) {
                return Err(refused(&url, status, token.is_some(), text("retry-after")));
            }
            let (start, total) = content_range(&text("content-range").unwrap_or_default());
            let etag = text("etag").filter(|etag| etag.starts_with('"'));
            let of_hub = etag.clone().filter(|_| self.is_for_hub(&url));
            let head = Head {
                status,
                length: number("content-length"),
                start,
                total,
                etag,
                linked_etag: linked.0.or(of_hub),
                linked_size: linked.1,
                name: text("content-disposition").and_then(|text| file_name(&text)),
            };
            return Ok((head, body.into_reader()));
        }
        Err(DownloadError::Redirect(address::shown(&request.url)))
    }
}

fn unreachable(url: &str, error: &ureq::Error) -> DownloadError {
    match error {
        ureq::Error::BadUri(_) => DownloadError::BadSource(address::shown(url)),
        ureq::Error::InvalidProxyUrl => DownloadError::BadProxy,
        _ => DownloadError::Unreachable {
            host: address::host(url),
            why: error.to_string(),
        },
    }
}

/// What an answer means that brings nothing.
fn refused(url: &str, status: u16, had_token: bool, retry_after: Option<String>) -> DownloadError {
    let (host, url) = (address::host(url), address::shown(url));
    match status {
        401 => DownloadError::Unauthorised { url, had_token },
        403 => DownloadError::Forbidden { url, had_token },
        404 | 410 => DownloadError::NotFound(url),
        429 => DownloadError::TooMany {
            host,
            seconds: retry_after.and_then(|text| text.trim().parse().ok()),
        },
        _ => DownloadError::Status { host, status },
    }
}

/// First byte and length of the whole, of `bytes 10-99/100` and `bytes */100`.
fn content_range(text: &str) -> (Option<u64>, Option<u64>) {
    let Some((range, total)) = text
        .trim()
        .strip_prefix("bytes")
        .and_then(|t| t.split_once('/'))
    else {
        return (None, None);
    };
    let start = range.trim().split('-').next().and_then(|s| s.parse().ok());
    (start, total.trim().parse().ok())
}

/// The name in a `Content-Disposition`: `filename*=UTF-8''…` before `filename="…"`.
fn file_name(text: &str) -> Option<String> {
    let value = |name: &str| {
        let mut parts = text.split(';').map(str::trim);
        parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
        })
    };
    let wide = value("filename*").and_then(|value| {
        let encoded = value.rsplit("''").next()?.to_owned();
        Some(address::decoded(&encoded))
    });
    wide.or_else(|| value("filename"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_servers_write_them() {
        assert_eq!(content_range("bytes 10-99/100"), (Some(10), Some(100)));
        assert_eq!(content_range("bytes */100"), (None, Some(100)));
        assert_eq!(content_range("bytes 0-9/*"), (Some(0), None));
        assert_eq!(content_range("items 0-9/10"), (None, None));
        for (text, wanted) in [
            (
                r#"attachment; filename="a b.safetensors""#,
                Some("a b.safetensors"),
            ),
            ("attachment; filename=a.ckpt", Some("a.ckpt")),
            (
                r#"attachment; filename="x"; filename*=UTF-8''%E5%A4%A2.safetensors"#,
                Some("夢.safetensors"),
            ),
            ("inline", None),
        ] {
            assert_eq!(file_name(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn a_token_is_the_hubs_alone_and_is_never_shown() {
        let token = Token::new(" hf_secret\n").unwrap();
        assert_eq!(Token::new("  "), None);
        assert_eq!(Token::new("two words"), None);
        let client = Client::new(Options {
            hub: Some("https://mirror.example/".to_owned()),
            token: Some(token),
            ..Options::default()
        })
        .unwrap();
        assert!(!format!("{client:?}").contains("hf_secret"));
        for (url, is_hub) in [
            ("https://mirror.example/a", true),
            ("https://MIRROR.example:443/a", true),
            ("http://mirror.example/a", false),
            ("https://mirror.example:8443/a", false),
            ("https://mirror.example@evil.example/a", false),
            ("https://huggingface.co/a", false),
        ] {
            assert_eq!(client.may_see_token(url), is_hub, "{url}");
        }
        for (hub, may) in [
            ("http://mirror.example", false),
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
        ] {
            let options = Options {
                hub: Some(hub.to_owned()),
                ..Options::default()
            };
            let client = Client::new(options).unwrap();
            assert_eq!(client.may_see_token(&format!("{hub}/a")), may, "{hub}");
        }
    }
}
