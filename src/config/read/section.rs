//! One table of the file, which knows the keys that were asked of it.

use std::ops::Range;

use toml::de::DeTable;

use crate::config::hide::echo;
use crate::config::place::Place;
use crate::config::problem::Complaint;
use crate::config::read::Reading;
use crate::config::read::value::Value;

/// One table of the file whose keys are known, or an absent one of which every key has its default.
pub(in crate::config) struct Section<'a> {
    pub(in crate::config) reading: &'a Reading,
    pub(super) table: Option<&'a DeTable<'a>>,
    pub(super) span: Range<usize>,
    pub(super) path: String,
    pub(super) asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The table that is the whole file.
    pub(in crate::config) fn root(reading: &'a Reading, table: &'a DeTable<'a>) -> Self {
        Self {
            reading,
            table: Some(table),
            span: 0..0,
            path: String::new(),
            asked: Vec::new(),
        }
    }

    /// Where the table begins; line 0 where it is the whole file, or not in it.
    pub(in crate::config) fn place(&self) -> Place {
        match self.table {
            Some(_) if !self.path.is_empty() => self.reading.place(&self.span, &self.path),
            _ => Place {
                path: self.path.clone(),
                ..Place::default()
            },
        }
    }

    /// Where a key's value is, or else where its table begins.
    pub(in crate::config) fn place_of(&self, key: &str) -> Place {
        let path = join(&self.path, key);
        match self.table.and_then(|table| table.get(key)) {
            Some(value) => self.reading.place(&value.span(), &path),
            None => Place {
                path,
                ..self.place()
            },
        }
    }

    /// The place of the first of these keys that the table has, or else where it begins.
    pub(in crate::config) fn place_of_written(&self, keys: &[&str]) -> Place {
        let has = |key: &&&str| self.table.is_some_and(|table| table.contains_key(**key));
        keys.iter()
            .find(has)
            .map_or_else(|| self.place(), |key| self.place_of(key))
    }

    /// Whether the table has a key.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The value of a key, if the table has it.
    pub(in crate::config) fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        let value = self.table?.get(key)?;
        Some(Value {
            reading: self.reading,
            value: value.get_ref(),
            span: value.span(),
            path: join(&self.path, key),
        })
    }

    /// What the value of a key means, if the table has it and it means anything.
    pub(in crate::config) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).as_ref().and_then(read)
    }

    /// The same, and a complaint if the table has it not.
    pub(in crate::config) fn require<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key);
        if value.is_none() && !self.reading.is_broken() {
            let message = match self.path.as_str() {
                "" => format!("`[{key}]` is missing"),
                _ => format!("`{key}` is missing"),
            };
            self.reading.complain(self.place(), Complaint::new(message));
        }
        value.as_ref().and_then(read)
    }

    /// A table within this one; absent, it has none of its keys.
    pub(in crate::config) fn section(&mut self, key: &'static str) -> Option<Self> {
        match self.get(key) {
            Some(value) => value.section(),
            None => Some(Self {
                reading: self.reading,
                table: None,
                span: 0..0,
                path: join(&self.path, key),
                asked: Vec::new(),
            }),
        }
    }

    /// The same, and a complaint if the table is absent.
    pub(in crate::config) fn require_section(&mut self, key: &'static str) -> Option<Self> {
        self.require(key, Value::section)
    }

    /// Every entry of a table whose keys are the operator's, in the order of the file, so that of two that are
    /// the same it is the second that is wrong.
    pub(in crate::config) fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let mut entries: Vec<_> = self.table.into_iter().flatten().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter().map(move |(key, value)| Entry {
            key: key.get_ref(),
            key_span: key.span(),
            value: Value {
                reading: self.reading,
                value: value.get_ref(),
                span: value.span(),
                path: join(&self.path, key.get_ref()),
            },
        })
    }

    /// Reports every key that was not asked for.
    pub(in crate::config) fn finish(self) {
        let asked = self.asked;
        for (key, _) in self.table.into_iter().flatten() {
            let name: &str = key.get_ref();
            if asked.contains(&name) {
                continue;
            }
            let complaint = Complaint::new(format!("unknown key `{}`", echo(name)))
                .allowed(asked.join(", "))
                .suggest(name, asked.iter().copied());
            self.reading.complain(
                self.reading.place(&key.span(), &join(&self.path, name)),
                complaint,
            );
        }
    }
}

/// One entry of a table whose keys are the operator's.
pub(in crate::config) struct Entry<'a> {
    pub(in crate::config) key: &'a str,
    key_span: Range<usize>,
    pub(in crate::config) value: Value<'a>,
}

impl Entry<'_> {
    /// Where the key is.
    pub(in crate::config) fn place(&self) -> Place {
        self.value.reading.place(&self.key_span, &self.value.path)
    }

    /// Reports that the key is wrong.
    pub(in crate::config) fn complain(&self, complaint: Complaint) {
        self.value.reading.complain(self.place(), complaint);
    }
}

/// A dotted path and one key more, quoted where TOML would need quotes.
fn join(path: &str, key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let quote = if !key.is_empty() && key.bytes().all(plain) {
        ""
    } else {
        "\""
    };
    let dot = if path.is_empty() { "" } else { "." };
    [path, dot, quote, &echo(key), quote].concat()
}
