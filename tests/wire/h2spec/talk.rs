//! One case's connection: what it sends, and the reactions that it can wait for. Each reaction is
//! waited for by the frame that proves it, never by time.

use crate::harness::client::Door;
use crate::harness::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_SIZE_ERROR, Frame, Frames, GOAWAY,
    HEADERS, Outcome, PING, PRIORITY, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS,
    STREAM_CLOSED, WINDOW_UPDATE, block, code, take_in,
};
use crate::harness::gateway::World;
use crate::harness::origin::{Origin, Script, Then};

/// How a case went.
pub(crate) type Done = Result<(), String>;

/// The h2 crate calls every frame of a wrong size, and every setting or window beyond its range, a
/// PROTOCOL_ERROR where RFC 9113 has more precise words. The reaction is the same: GOAWAY, and the
/// connection ends.
pub(crate) const WRONG_SIZE: &[u32] = &[FRAME_SIZE_ERROR, PROTOCOL_ERROR];

/// A frame for a stream that its client has ended is a stream error of type STREAM_CLOSED; the h2
/// crate makes of DATA and HEADERS for one that it still knows a connection error.
pub(crate) const OF_A_CLOSED_STREAM: &[u32] = &[STREAM_CLOSED, PROTOCOL_ERROR];

/// A connection and the path that is this case's own.
pub(crate) struct Talk {
    pub(crate) frames: Frames,
    pub(crate) path: String,
    pub(crate) eu: Origin,
    pub(crate) door: Door,
}

impl Talk {
    /// Opens a connection that has said hello.
    pub(crate) fn open(world: &World, path: &str) -> Self {
        Self {
            frames: Frames::open(&world.door),
            path: path.to_owned(),
            eu: world.eu.clone(),
            door: world.door.clone(),
        }
    }

    /// From now on the region reads this case's request, and never answers.
    pub(crate) fn hold(&self) {
        self.eu.script(&self.path, Script::says("", Then::Hold));
    }

    /// The fields of a request for this case's path, and more.
    pub(crate) fn fields(&self, method: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let own = [
            (":method", method),
            (":scheme", "https"),
            (":authority", "eu.test"),
            (":path", &self.path),
        ];
        let all: Vec<(&[u8], &[u8])> = own
            .iter()
            .chain(more)
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        block(&all)
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.frames.send(kind, flags, stream, payload);
    }

    /// A whole GET.
    pub(crate) fn get(&mut self, stream: u32) {
        let fields = self.fields("GET", &[]);
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &fields);
    }

    /// A whole GET with one more field.
    pub(crate) fn get_with(&mut self, stream: u32, name: &str, value: &str) {
        let fields = self.fields("GET", &[(name, value)]);
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &fields);
    }

    /// A whole GET of exactly these fields.
    pub(crate) fn get_of(&mut self, fields: &[(&str, &str)]) {
        let all: Vec<(&[u8], &[u8])> = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        self.send(HEADERS, END_STREAM | END_HEADERS, 1, &block(&all));
    }

    /// The head of a POST whose body is still to come.
    pub(crate) fn post(&mut self, stream: u32, more: &[(&str, &str)]) {
        let fields = self.fields("POST", more);
        self.send(HEADERS, END_HEADERS, stream, &fields);
    }

    pub(crate) fn data(&mut self, flags: u8, stream: u32, bytes: &[u8]) {
        self.send(DATA, flags, stream, bytes);
    }

    pub(crate) fn continuation(&mut self, flags: u8, stream: u32, bytes: &[u8]) {
        self.send(CONTINUATION, flags, stream, bytes);
    }

    pub(crate) fn reset(&mut self, stream: u32, code: u32) {
        self.send(RST_STREAM, 0, stream, &code.to_be_bytes());
    }

    pub(crate) fn window(&mut self, stream: u32, by: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    }

    /// PRIORITY: the stream that it depends on, and its weight less one.
    pub(crate) fn priority(&mut self, stream: u32, on: u32, weight: u8) {
        let mut payload = on.to_be_bytes().to_vec();
        payload.push(weight);
        self.send(PRIORITY, 0, stream, &payload);
    }

    pub(crate) fn settings(&mut self, pairs: &[(u16, u32)]) {
        let payload: Vec<u8> = pairs
            .iter()
            .flat_map(|(id, value)| {
                let mut bytes = id.to_be_bytes().to_vec();
                bytes.extend(value.to_be_bytes());
                bytes
            })
            .collect();
        self.send(SETTINGS, 0, 0, &payload);
    }

    /// The next frame. Nothing here may be refused as if it had not been read, unless a case waits
    /// for just that.
    fn next(&mut self) -> Result<Option<Frame>, String> {
        match self.frames.next() {
            Some(frame) if frame.kind == RST_STREAM && code(&frame.payload) == REFUSED_STREAM => {
                Err(format!("REFUSED_STREAM for {}", frame.stream))
            }
            frame => Ok(frame),
        }
    }

    /// The next frame of the connection, which must not end, nor reset anything.
    pub(crate) fn honest(&mut self) -> Result<Frame, String> {
        let frame = self.next()?.ok_or("the connection ended")?;
        match frame.kind {
            GOAWAY => Err(format!("GOAWAY {}", code(&frame.payload[4..]))),
            RST_STREAM => Err(format!(
                "RST_STREAM {} of {}",
                code(&frame.payload),
                frame.stream
            )),
            _ => Ok(frame),
        }
    }

    /// The request is answered by its region, which got it whole, once.
    pub(crate) fn served(&mut self, stream: u32) -> Done {
        let body = self.answered(stream)?;
        if body == self.path.as_bytes() {
            Ok(())
        } else {
            Err(format!("another answer: {body:?}"))
        }
    }

    /// The body of the answer on a stream.
    pub(crate) fn answered(&mut self, stream: u32) -> Result<Vec<u8>, String> {
        let mut outcome = Outcome {
            // Only a connection's first status can be read; the echoed path says enough.
            status: Some(200),
            ..Outcome::default()
        };
        loop {
            let frame = self.honest()?;
            if frame.stream == stream && take_in(&mut outcome, &frame) {
                return Ok(outcome.body);
            }
        }
    }

    /// What its region got as the body of this case's one request.
    pub(crate) fn arrived(&self) -> Result<Vec<u8>, String> {
        match self.eu.seen(&self.path).as_slice() {
            [seen] => Ok(seen.request.body.clone()),
            all => Err(format!("{} requests arrived", all.len())),
        }
    }

    /// The connection goes on: a ping is answered, and nothing was reset meanwhile.
    pub(crate) fn alive(&mut self) -> Done {
        self.send(PING, 0, 0, b"are you?");
        loop {
            let frame = self.honest()?;
            if frame.kind == PING && frame.flags & ACK != 0 && frame.payload == b"are you?" {
                return Ok(());
            }
        }
    }

    /// The stream is reset with one of these codes, unanswered, and the connection goes on.
    pub(crate) fn is_reset(&mut self, stream: u32, codes: &[u32]) -> Done {
        loop {
            let frame = self.next()?.ok_or("the connection ended")?;
            match frame.kind {
                RST_STREAM if frame.stream == stream && codes.contains(&code(&frame.payload)) => {
                    return self.alive();
                }
                RST_STREAM => {
                    return Err(format!(
                        "RST_STREAM {} of {}",
                        code(&frame.payload),
                        frame.stream
                    ));
                }
                GOAWAY => return Err(format!("GOAWAY {}", code(&frame.payload[4..]))),
                HEADERS | DATA if frame.stream == stream => return Err("it was answered".into()),
                _ => {}
            }
        }
    }

    /// GOAWAY with one of these codes, and then the connection ends. It must not disown a stream
    /// whose request a region has: its client would take that for leave to repeat it.
    pub(crate) fn is_gone(&mut self, codes: &[u32]) -> Done {
        let mut goaway = None;
        while let Some(frame) = self.next()? {
            if frame.kind == GOAWAY {
                let said = code(&frame.payload[4..]);
                if !codes.contains(&said) {
                    return Err(format!("GOAWAY {said}"));
                }
                goaway = Some(code(&frame.payload));
            }
        }
        match goaway {
            None => Err("the connection ended without GOAWAY".into()),
            Some(0) if !self.eu.seen(&self.path).is_empty() => {
                Err("GOAWAY disowns a request that a region has".into())
            }
            Some(_) => Ok(()),
        }
    }

    /// The connection ends, GOAWAY or not.
    pub(crate) fn is_closed(&mut self) -> Done {
        while self.next()?.is_some() {}
        Ok(())
    }
}
