//! `reload`: asks a running gateway's admin listener, and prints its verdict.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

/// A reload reads and builds everything; so long it may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The admin listener: an address, or `unix:/path`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    admin: String,
}

pub(super) fn reload(arguments: &Arguments) -> u8 {
    let answer = match ask(&arguments.admin) {
        Ok(answer) => answer,
        Err(error) => {
            super::complain(format_args!("cannot ask {}: {error}", arguments.admin));
            return super::FAILED;
        }
    };
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        super::complain(format_args!("{} gave no HTTP answer", arguments.admin));
        return super::FAILED;
    };
    let fine = head.split(' ').nth(1) == Some("200");
    let words = verdict(body).unwrap_or_else(|| body.trim_end().to_owned());
    if fine {
        super::say(words);
        super::FINE
    } else {
        super::complain(words);
        super::FAILED
    }
}

/// A verdict as `check` would say it: warnings or problems, then what became of which file.
fn verdict(body: &str) -> Option<String> {
    let told: Value = serde_json::from_str(body).ok()?;
    let file = told.get("file")?.as_str()?;
    let list = |name: &str| -> Vec<&str> {
        let list = told.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.collect()
    };
    match told.get("result")?.as_str()? {
        "applied" => {
            let warnings = list("warnings");
            let warnings = warnings.iter().map(|one| format!("warning: {one}\n"));
            Some(format!(
                "{}{file}: applied (generation {}, hash {})",
                warnings.collect::<String>(),
                told.get("generation")?,
                told.get("hash")?.as_str()?,
            ))
        }
        "refused" => Some(format!(
            "{}\n\n{file}: refused, the old configuration stays",
            list("problems").join("\n\n")
        )),
        _ => None,
    }
}

fn ask(admin: &str) -> std::io::Result<String> {
    let request = "POST /reload HTTP/1.1\r\nHost: localhost\r\nX-Gateway-Admin: 1\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    if let Some(path) = admin.strip_prefix("unix:") {
        let mut socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(request.as_bytes())?;
        socket.read_to_string(&mut answer)?;
    } else {
        let mut socket = TcpStream::connect(admin)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(request.as_bytes())?;
        socket.read_to_string(&mut answer)?;
    }
    Ok(answer)
}
