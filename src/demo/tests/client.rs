//! A plain blocking HTTP/1.1 client that hides nothing: raw bytes out, heads and bodies in.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::demo) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::demo) struct Reply {
    pub(in crate::demo) status: u16,
    pub(in crate::demo) fields: Vec<(String, String)>,
    pub(in crate::demo) body: Vec<u8>,
    /// Informational answers before it.
    pub(in crate::demo) early: usize,
}

impl Reply {
    /// All values of this field.
    pub(in crate::demo) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(in crate::demo) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(in crate::demo) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(in crate::demo) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(in crate::demo) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(in crate::demo) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request; `fields` are whole lines without their ends.
    pub(in crate::demo) fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[&str],
        body: &str,
    ) -> Reply {
        self.start(method, target, fields, body);
        self.reply_to(method).unwrap()
    }

    pub(in crate::demo) fn start(
        &mut self,
        method: &str,
        target: &str,
        fields: &[&str],
        body: &str,
    ) {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: eu.localhost:8443\r\n");
        for field in fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        if !body.is_empty() || method == "POST" {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.send(text);
    }

    pub(in crate::demo) fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, &[], "")
    }

    /// Posts a form.
    pub(in crate::demo) fn post(&mut self, target: &str, form: &str) -> Reply {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.ask("POST", target, &[kind], form)
    }

    pub(in crate::demo) fn post_json(&mut self, target: &str, body: &Value) -> Reply {
        let kind = "Content-Type: application/json";
        self.ask("POST", target, &[kind], &body.to_string())
    }

    pub(in crate::demo) fn reply(&mut self) -> io::Result<Reply> {
        self.reply_to("GET")
    }

    /// The final answer to a request of this method.
    pub(in crate::demo) fn reply_to(&mut self, method: &str) -> io::Result<Reply> {
        let mut early = 0;
        loop {
            let mut reply = self.head()?;
            if reply.status < 200 {
                early += 1;
                continue;
            }
            reply.early = early;
            let bodiless = method == "HEAD" || matches!(reply.status, 204 | 304);
            if !bodiless && reply.field("transfer-encoding").is_some() {
                self.chunks(&mut reply)?;
            } else if !bodiless {
                let length = reply.field("content-length").unwrap().parse().unwrap();
                reply.body = self.take(length)?;
            }
            return Ok(reply);
        }
    }

    fn head(&mut self) -> io::Result<Reply> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut fields);
            let parsed = response.parse(&self.buffer).map_err(io::Error::other)?;
            if let httparse::Status::Complete(length) = parsed {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let reply = Reply {
                    status: response.code.unwrap(),
                    fields: response
                        .headers
                        .iter()
                        .map(|field| (field.name.to_owned(), text(field.value)))
                        .collect(),
                    body: Vec::new(),
                    early: 0,
                };
                self.buffer.drain(..length);
                return Ok(reply);
            }
            self.fill()?;
        }
    }

    fn chunks(&mut self, reply: &mut Reply) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(&line, 16).unwrap();
            if length == 0 {
                break;
            }
            reply.body.extend(self.take(length)?);
            assert_eq!(self.line()?, "");
        }
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                return Ok(());
            };
            reply.fields.push((name.to_owned(), value.to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8(line).unwrap());
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(())
    }

    pub(in crate::demo) fn read_exactly(&mut self, bytes: &mut [u8]) {
        let taken = self.take(bytes.len()).unwrap();
        bytes.copy_from_slice(&taken);
    }

    /// Everything until the connection ends, and how it ended.
    pub(in crate::demo) fn rest(&mut self) -> (Vec<u8>, io::ErrorKind) {
        let kind = loop {
            match self.fill() {
                Ok(()) => {}
                Err(error) => break error.kind(),
            }
        };
        (std::mem::take(&mut self.buffer), kind)
    }
}
