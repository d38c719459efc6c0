//! A writer of small mmdb files (MaxMind DB file format 2.0), for tests.

use std::net::IpAddr;

use crate::geoip::{Database, OpenError};

/// A value of the data section.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(Vec<(String, Self)>),
    Array(Vec<Self>),
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(super) fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into())
}

impl Value {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                control(2, text.len(), out);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Short(number) => {
                control(5, 2, out);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Number(number) => {
                control(6, 4, out);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Long(number) => {
                // An extended type: its number less seven follows.
                out.extend_from_slice(&[8, 9 - 7]);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Map(members) => {
                control(7, members.len(), out);
                for (name, value) in members {
                    text(name).write(out);
                    value.write(out);
                }
            }
            Self::Array(values) => {
                out.extend_from_slice(&[u8::try_from(values.len()).unwrap(), 11 - 7]);
                values.iter().for_each(|value| value.write(out));
            }
        }
    }
}

fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    if size < 29 {
        out.push(kind << 5 | u8::try_from(size).unwrap());
    } else {
        out.extend_from_slice(&[kind << 5 | 29, u8::try_from(size - 29).unwrap()]);
    }
}

/// A reference of a node.
#[derive(Clone, Copy, Debug)]
enum Reference {
    Node(u32),
    Nothing,
    /// A position in the data section.
    Record(u32),
}

/// A file in the making.
#[derive(Clone)]
pub(super) struct Written {
    version: u16,
    bits: u16,
    nodes: Vec<[Reference; 2]>,
    data: Vec<u8>,
}

impl Written {
    pub(super) fn v4() -> Self {
        Self::new(4)
    }

    pub(super) fn v6() -> Self {
        Self::new(6)
    }

    fn new(version: u16) -> Self {
        Self {
            version,
            bits: 24,
            nodes: vec![[Reference::Nothing; 2]],
            data: Vec::new(),
        }
    }

    /// Bits of a reference.
    pub(super) fn bits(mut self, bits: u16) -> Self {
        self.bits = bits;
        self
    }

    /// Puts a record at a network; what is more specific must come later.
    pub(super) fn with(mut self, network: &str, record: Value) -> Self {
        let (address, length) = network.split_once('/').unwrap();
        let address = match address.parse().unwrap() {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let reference = Reference::Record(u32::try_from(self.data.len()).unwrap());
        record.write(&mut self.data);
        let length: usize = length.parse().unwrap();
        if length == 0 {
            self.nodes[0] = [reference; 2];
            return self;
        }
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(address << depth >> 127 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = reference;
            } else if let Reference::Node(next) = self.nodes[node][side] {
                node = next as usize;
            } else {
                let inherited = self.nodes[node][side];
                self.nodes.push([inherited; 2]);
                let next = u32::try_from(self.nodes.len() - 1).unwrap();
                self.nodes[node][side] = Reference::Node(next);
                node = next as usize;
            }
        }
        self
    }

    /// Lets one side of a node lead to another node.
    pub(super) fn link(mut self, node: usize, side: usize, to: u32) -> Self {
        self.nodes[node][side] = Reference::Node(to);
        self
    }

    pub(super) fn last_node(&self) -> usize {
        self.nodes.len() - 1
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let count = u32::try_from(self.nodes.len()).unwrap();
        let number = |reference| match reference {
            Reference::Node(node) => node,
            Reference::Nothing => count,
            Reference::Record(offset) => count + 16 + offset,
        };
        let mut file = Vec::new();
        for node in &self.nodes {
            let [left, right] = node.map(|reference| number(reference).to_be_bytes());
            match self.bits {
                24 => file.extend([&left[1..], &right[1..]].concat()),
                28 => {
                    let shared = left[0] << 4 | right[0];
                    file.extend([&left[1..], &[shared], &right[1..]].concat());
                }
                _ => file.extend([left, right].concat()),
            }
        }
        file.extend([0; 16]);
        file.extend(&self.data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = map([
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("build_epoch", Value::Long(1_700_000_000)),
            ("database_type", text("Test-Country")),
            ("description", map([])),
            ("ip_version", Value::Short(self.version)),
            ("languages", Value::Array(Vec::new())),
            ("node_count", Value::Number(count)),
            ("record_size", Value::Short(self.bits)),
        ]);
        metadata.write(&mut file);
        file
    }

    pub(super) fn open(&self) -> Result<Database, OpenError> {
        Database::from_bytes(&self.file())
    }
}
