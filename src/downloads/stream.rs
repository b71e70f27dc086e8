//! [`Stream`]: an answer read on a thread of its own, so that whoever waits for it can stop at any moment:
//! a blocked read cannot be broken off.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::Watch;
use super::address;
use super::client::{Client, Head, Request};
use super::error::DownloadError;

/// Read at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks on their way.
const MOST_CHUNKS: usize = 4;
/// How often it is asked whether to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Piece {
    Head(Head),
    Bytes(Vec<u8>),
    End,
}

/// An answer as it comes.
pub(super) struct Stream {
    pieces: Receiver<Result<Piece, DownloadError>>,
    host: String,
    silence: Duration,
}

impl Stream {
    /// Asks, on another thread. It ends by itself soon after the stream is dropped.
    pub(super) fn open(client: &Client, request: Request) -> Result<Self, DownloadError> {
        let (say, pieces) = sync_channel(MOST_CHUNKS);
        let host = address::host(&request.url);
        let silence = client.pace().silence;
        let (client, of_thread) = (client.clone(), host.clone());
        let thread = std::thread::Builder::new().name("download".to_owned());
        let started = thread.spawn(move || {
            let (head, mut body) = match client.get(&request) {
                Ok(answer) => answer,
                Err(error) => return drop(say.send(Err(error))),
            };
            if say.send(Ok(Piece::Head(head))).is_err() {
                return;
            }
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let piece = match body.read(&mut chunk) {
                    Ok(0) => Ok(Piece::End),
                    Ok(count) => {
                        chunk.truncate(count);
                        Ok(Piece::Bytes(chunk))
                    }
                    Err(error) => Err(DownloadError::Unreachable {
                        host: of_thread.clone(),
                        why: error.to_string(),
                    }),
                };
                let is_last = !matches!(piece, Ok(Piece::Bytes(_)));
                if say.send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        started.map_err(|error| DownloadError::Unreachable {
            host: host.clone(),
            why: error.to_string(),
        })?;
        Ok(Self {
            pieces,
            host,
            silence,
        })
    }

    /// The next part. An error when the line went dead or silent, or it is to stop.
    pub(super) fn next(&self, watch: &dyn Watch) -> Result<Piece, DownloadError> {
        let silent = |why: &str| DownloadError::Unreachable {
            host: self.host.clone(),
            why: why.to_owned(),
        };
        let begun = Instant::now();
        loop {
            if watch.is_stopped() {
                return Err(DownloadError::Cancelled);
            }
            match self.pieces.recv_timeout(GLANCE) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Timeout) if begun.elapsed() < self.silence => {}
                Err(RecvTimeoutError::Timeout) => return Err(silent("no answer")),
                Err(RecvTimeoutError::Disconnected) => return Err(silent("the connection ended")),
            }
        }
    }

    /// The head of the answer.
    pub(super) fn head(&self, watch: &dyn Watch) -> Result<Head, DownloadError> {
        match self.next(watch)? {
            Piece::Head(head) => Ok(head),
            Piece::Bytes(_) | Piece::End => Ok(Head::default()),
        }
    }

    /// Up to `most` bytes of the body: its beginning where it is longer.
    pub(super) fn beginning(
        &self,
        most: usize,
        watch: &dyn Watch,
    ) -> Result<Vec<u8>, DownloadError> {
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Piece::Bytes(more) = self.next(watch)?
        {
            bytes.extend(more);
        }
        bytes.truncate(most);
        Ok(bytes)
    }
}

/// Waits, a glance at a time.
pub(super) fn wait(duration: Duration, watch: &dyn Watch) -> Result<(), DownloadError> {
    let until = Instant::now() + duration;
    loop {
        if watch.is_stopped() {
            return Err(DownloadError::Cancelled);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(GLANCE));
    }
}

/// Does something that may fail for a moment, again and again, with longer and longer waits between.
/// `do_it` says whether something new came since the last try.
pub(super) fn with_retries<T>(
    client: &Client,
    watch: &mut dyn Watch,
    mut do_it: impl FnMut(&mut dyn Watch) -> (Result<T, DownloadError>, bool),
) -> Result<T, DownloadError> {
    let pace = client.pace();
    let mut in_vain = 0;
    loop {
        let (result, is_new) = do_it(watch);
        let error = match result {
            Err(error) if error.may_pass() => error,
            other => return other,
        };
        in_vain = if is_new { 1 } else { in_vain + 1 };
        if in_vain >= pace.tries {
            return Err(error);
        }
        let pause = pace.first_wait * 2_u32.saturating_pow(in_vain - 1);
        let asked = match &error {
            DownloadError::TooMany { seconds, .. } => seconds.map(Duration::from_secs),
            _ => None,
        };
        if asked.is_some_and(|asked| asked > pace.longest_wait) {
            return Err(error);
        }
        wait(asked.unwrap_or(pause).min(pace.longest_wait), watch)?;
    }
}
