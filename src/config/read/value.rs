//! One value of the file, which knows its place and says what is wrong with it.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use http::StatusCode;
use toml::de::DeValue;

use crate::config::hide::echo;
use crate::config::name::RegionName;
use crate::config::place::{FilePath, Place};
use crate::config::problem::Complaint;
use crate::config::read::Reading;
use crate::config::read::section::Section;
use crate::config::text::measure;

/// One value of the file.
#[derive(Clone)]
pub(in crate::config) struct Value<'a> {
    pub(in crate::config) reading: &'a Reading,
    pub(super) value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
    pub(super) path: String,
}

impl<'a> Value<'a> {
    pub(in crate::config) fn place(&self) -> Place {
        self.reading.place(&self.span, &self.path)
    }

    /// Reports that this value is wrong; nothing comes of it.
    pub(in crate::config) fn complain<T>(&self, complaint: Complaint) -> Option<T> {
        // The parser puts a value at the very beginning where the text has none, and has said so.
        if self.span != (0..0) {
            self.reading.complain(self.place(), complaint);
        }
        None
    }

    pub(in crate::config) fn warn(&self, complaint: Complaint) {
        self.reading.warn(self.place(), complaint);
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        self.complain(Complaint::new(format!(
            "must be {wanted}, is {}",
            self.type_name()
        )))
    }

    /// What the value is, with its article.
    fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    /// The raw value, where a key takes more than one type.
    pub(in crate::config) fn raw(&self) -> &'a DeValue<'a> {
        self.value
    }

    pub(in crate::config) fn string(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            DeValue::Array(_) | DeValue::Table(_) => self.wrong_type("a string"),
            _ => self.complain(
                Complaint::new(format!("must be a string, is {}", self.type_name()))
                    .hint("put it in quotes"),
            ),
        }
    }

    pub(in crate::config) fn boolean(&self) -> Option<bool> {
        self.value
            .as_bool()
            .or_else(|| self.wrong_type("true or false"))
    }

    /// A whole number within a range.
    pub(in crate::config) fn integer<T: TryFrom<u64>>(
        &self,
        range: RangeInclusive<u64>,
    ) -> Option<T> {
        let Some(integer) = self.value.as_integer() else {
            let complaint = Complaint::new(format!("must be an integer, is {}", self.type_name()));
            let quoted = self
                .value
                .as_str()
                .is_some_and(|text| text.parse::<u64>().is_ok());
            let hint = "without the quotes";
            return self.complain(if quoted {
                complaint.hint(hint)
            } else {
                complaint
            });
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        let fit = number.filter(|number| range.contains(number));
        fit.and_then(|number| T::try_from(number).ok()).or_else(|| {
            let (low, high) = range.into_inner();
            let message = format!("{} is out of range", echo(&integer.to_string()));
            self.complain(Complaint::new(message).allowed(format!("{low} to {high}")))
        })
    }

    /// The status of a final answer.
    pub(in crate::config) fn status(&self) -> Option<StatusCode> {
        self.integer::<u16>(200..=599)
            .and_then(|status| StatusCode::from_u16(status).ok())
    }

    /// A length of time within a range.
    pub(in crate::config) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let read = match self.value {
            DeValue::String(text) => measure::duration(text),
            // `30` instead of `"30s"` is the usual slip: say what is missing rather than the type.
            DeValue::Integer(integer) => measure::duration(integer.as_str()),
            _ => return self.wrong_type("a duration, such as \"30s\""),
        };
        let duration = match read {
            Ok(duration) => duration,
            Err(complaint) => return self.complain(complaint),
        };
        if range.contains(&duration) {
            return Some(duration);
        }
        let (low, high) = range.into_inner();
        let text = measure::duration_text;
        self.complain(
            Complaint::new(format!("{} is out of range", text(duration))).allowed(format!(
                "{} to {}",
                text(low),
                text(high)
            )),
        )
    }

    /// A number of bytes within a range.
    pub(in crate::config) fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let bytes = match self.value {
            DeValue::String(_) => self.parsed(measure::size)?,
            DeValue::Integer(_) => return self.integer(range),
            _ => return self.wrong_type("a size, such as 262144 or \"256KiB\""),
        };
        if range.contains(&bytes) {
            return Some(bytes);
        }
        let (low, high) = range.into_inner();
        self.complain(
            Complaint::new(format!("{bytes} bytes are out of range"))
                .allowed(format!("{low} to {high} bytes")),
        )
    }

    /// What a string means, by a function that says what is wrong with it.
    pub(in crate::config) fn parsed<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match parse(self.string()?) {
            Ok(value) => Some(value),
            Err(complaint) => self.complain(complaint),
        }
    }

    /// One of several words.
    pub(in crate::config) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        self.parsed(|text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Complaint::new(format!(
                    "`{}` is none of the words allowed here",
                    echo(text)
                ))
                .allowed(quoted_list(&names))
                .suggest(text, names)
            })
        })
    }

    /// The name of a region that the file has.
    pub(in crate::config) fn region(&self) -> Option<RegionName> {
        self.region_or(&[])
    }

    /// The same, where other words are allowed too; they are said in complaints and are for the caller to take.
    pub(in crate::config) fn region_or(&self, words: &[&str]) -> Option<RegionName> {
        let regions = &self.reading.regions;
        let text = self.string()?;
        if let Some(known) = regions.get(text) {
            // One whose name is no name is wrong where it is made.
            return known.clone();
        }
        // Without any region, that is what is wrong.
        let name = RegionName::parse(text).filter(|_| regions.is_empty());
        name.or_else(|| {
            let regions = regions.keys().map(String::as_str);
            let names: Vec<_> = words.iter().copied().chain(regions).collect();
            let complaint = Complaint::new(format!("there is no region `{}`", echo(text)))
                .allowed(quoted_list(&names))
                .suggest(text, names);
            self.reading.no_region(text, self.place(), complaint);
            None
        })
    }

    /// A file or directory; whether it is there is for others to say.
    pub(in crate::config) fn file(&self) -> Option<FilePath> {
        let written = self.parsed(|text| {
            let inline = text.contains("-----BEGIN") || text.contains('\n');
            match text {
                "" => Err(Complaint::new("the path is empty")),
                _ if inline => Err(Complaint::new("must be a path, is the content of a file")),
                _ if text.contains('\0') => Err(Complaint::new("a path cannot contain NUL")),
                _ => Ok(text.into()),
            }
        })?;
        let file = FilePath {
            written,
            place: self.place(),
        };
        self.reading.name_file(file.clone());
        Some(file)
    }

    /// The values of an array, if it is one.
    pub(in crate::config) fn items(&self) -> Option<Vec<Self>> {
        let Some(array) = self.value.as_array() else {
            let complaint = Complaint::new(format!("must be an array, is {}", self.type_name()));
            return self
                .complain(complaint.hint("put it in brackets, `[...]`, even if it is alone"));
        };
        let item = |(index, item): (usize, &'a toml::Spanned<DeValue<'a>>)| Self {
            reading: self.reading,
            value: item.get_ref(),
            span: item.span(),
            path: format!("{}[{index}]", self.path),
        };
        Some(array.iter().enumerate().map(item).collect())
    }

    /// What the values of an array mean; one that is wrong is reported and left out.
    pub(in crate::config) fn list<T>(
        &self,
        read: impl FnMut(&Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        Some(self.items()?.iter().filter_map(read).collect())
    }

    /// The table that this is.
    pub(in crate::config) fn section(&self) -> Option<Section<'a>> {
        match self.value.as_table() {
            Some(table) => Some(Section {
                reading: self.reading,
                table: Some(table),
                span: self.span.clone(),
                path: self.path.clone(),
                asked: Vec::new(),
            }),
            None => self.wrong_type("a table"),
        }
    }
}

/// `a`, `b`, `c`, each in the quotes of the file.
pub(super) fn quoted_list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}
