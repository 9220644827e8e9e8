//! A small load generator: some connections that are kept open, each with one request under way. It
//! writes prepared bytes and reads just enough of an answer to know where it ends, so that what it
//! costs itself is little beside the server. One thread serves all connections in turn where the
//! most that a server can do is sought, one thread each where requests are due at their times.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use httparse::Status;

use crate::clock::now;

const CONNECTIONS: usize = 32;

pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    request("POST", path, headers.iter().copied(), body)
}

/// A request as it goes over the wire.
pub(crate) fn request<'a>(
    method: &str,
    path: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: &str,
) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    request.into_bytes()
}

/// Sends these in turn for so long; how many were answered with 200 in a second. Any other answer
/// is an error.
pub(crate) fn run(to: SocketAddr, requests: &[Vec<u8>], span: Duration) -> Result<f64> {
    let mut next = requests.iter().cycle();
    let mut send = move |connection: &mut Connection| -> Result<()> {
        let request = next.next().context("nothing to send")?;
        Ok(connection.stream.write_all(request)?)
    };
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(to)?;
        send(&mut connection)?;
        connections.push(connection);
    }
    let start = now();
    let mut answered = 0_u64;
    while start.elapsed() < span {
        for connection in &mut connections {
            connection.read()?;
            answered += 1;
            send(connection)?;
        }
    }
    Ok(rate(answered, start))
}

/// Sends these in turn at so many a second for so long, whether or not the answers keep up: how many
/// microseconds each took, counted from when it was due. One that is late makes those behind it
/// late, and that counts too (no coordinated omission).
pub(crate) fn at_rate(
    to: SocketAddr,
    requests: &[Vec<u8>],
    rate: f64,
    span: Duration,
) -> Result<Vec<f64>> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(to)?);
    }
    let start = now() + Duration::from_millis(20);
    thread::scope(|threads| {
        let sending: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(first, connection)| {
                let requests = requests.iter().cycle().enumerate().skip(first);
                let due = requests.step_by(CONNECTIONS).map(move |(at, request)| {
                    (start + Duration::from_secs_f64(at as f64 / rate), request)
                });
                threads.spawn(move || connection.send_when_due(due, start + span))
            })
            .collect();
        let mut took = Vec::new();
        for thread in sending {
            let times = thread.join().map_err(|_| anyhow!("a sender panicked"))?;
            took.extend(times?);
        }
        Ok(took)
    })
}

fn rate(answered: u64, since: Instant) -> f64 {
    answered as f64 / since.elapsed().as_secs_f64()
}

/// Linux lets a thread sleep up to 50 us longer than it asked for. Where it cannot be told otherwise,
/// both of two things that are compared are that much later.
fn wake_in_time() {
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    if let Some(id) = thread.file_name() {
        fs::write(Path::new("/proc").join(id).join("timerslack_ns"), "1").ok();
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    fn send_when_due<'a>(
        mut self,
        requests: impl Iterator<Item = (Instant, &'a Vec<u8>)>,
        end: Instant,
    ) -> Result<Vec<f64>> {
        wake_in_time();
        let mut took = Vec::new();
        for (due, request) in requests.take_while(|(due, _)| *due < end) {
            thread::sleep(due.saturating_duration_since(now()));
            self.stream.write_all(request)?;
            self.read()?;
            took.push((now() - due).as_secs_f64() * 1e6);
        }
        Ok(took)
    }

    /// One whole answer.
    fn read(&mut self) -> Result<()> {
        self.buffer.clear();
        let mut part = [0; 4096];
        loop {
            if let Some(end) = end_of(&self.buffer)? {
                ensure!(self.buffer.len() == end, "more came than was asked for");
                return Ok(());
            }
            let count = self.stream.read(&mut part)?;
            ensure!(count > 0, "the portal closed a connection");
            self.buffer
                .extend_from_slice(part.get(..count).unwrap_or_default());
        }
    }
}

/// Where the answer at the start of `bytes` ends; none when it is not all there.
fn end_of(bytes: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    let Status::Complete(head) = answer.parse(bytes)? else {
        return Ok(None);
    };
    ensure!(
        answer.code == Some(200),
        "not a 200: {}",
        String::from_utf8_lossy(bytes)
    );
    // Names of fields are the same in any case (RFC 9110, section 5.1).
    let mut headers = answer.headers.iter();
    let length = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("an answer without a length")?;
    let length: usize = std::str::from_utf8(length.value)?.parse()?;
    let end = head + length;
    Ok((bytes.len() >= end).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(end_of(answer).unwrap(), Some(answer.len()));
        assert_eq!(end_of(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(end_of(&answer[..20]).unwrap(), None);
    }

    #[test]
    fn the_name_of_the_length_may_be_written_in_any_case() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\n{}";
        assert_eq!(end_of(answer).unwrap(), Some(answer.len()));
    }

    #[test]
    fn an_answer_that_is_no_200_is_an_error() {
        assert!(end_of(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(end_of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
