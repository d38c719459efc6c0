//! Both sides of a hand-over, over a real socket.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;

use super::super::give::{GiveError, give};
use super::*;

/// Plays an old process that gives `sockets` to the first that comes.
fn old(path: &Path, sockets: Vec<Listening>) -> std::thread::JoinHandle<Result<i32, GiveError>> {
    let listener = UnixListener::bind(path).expect("bound");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (stream, _) = listener.accept().expect("somebody");
        stream.set_nonblocking(true).expect("set");
        runtime.block_on(async {
            let stream = tokio::net::UnixStream::from_std(stream).expect("a stream");
            give(stream, &sockets, true).await
        })
    })
}

fn listening() -> (Listening, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    (Listening::Tcp(listener), address)
}

#[test]
fn more_sockets_than_one_message_may_carry_arrive_and_so_does_what_waits_in_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("handover");
    let (first, address) = listening();
    // The kernel allows 253 descriptors in one message.
    let mut sockets = vec![first];
    for _ in 0..300 {
        sockets.push(sockets[0].try_clone().expect("a descriptor"));
    }
    let waits = TcpStream::connect(address).expect("a connection");
    let old = old(&path, sockets);
    let (takeover, mut passed) = take(&path).expect("taken").expect("somebody");
    assert_eq!(passed.len(), 301);
    assert!(passed.held);
    assert_eq!(takeover.pid.unsigned_abs(), std::process::id());
    takeover.ready().expect("alone");
    let pid = old.join().expect("the thread").expect("given");
    assert_eq!(pid.unsigned_abs(), std::process::id());
    let (accepted, _) = passed.tcp(address)[0].accept().expect("it still waits");
    assert_eq!(accepted.peer_addr().ok(), waits.local_addr().ok());
}

#[test]
fn a_new_process_that_ends_before_it_serves_leaves_the_old_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("handover");
    let old = old(&path, vec![listening().0]);
    drop(take(&path).expect("taken"));
    let refused = old.join().expect("the thread").expect_err("not ready");
    assert!(matches!(refused, GiveError::NotReady(_)), "{refused}");
}

/// An old process that says this once its sockets are out, and ends; its first word comes when the new one
/// serves, if `waits`.
fn ends(said: &'static [u8], waits: bool) -> Result<(), TakeError> {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let old = std::thread::spawn(move || {
        let mut theirs = theirs;
        let mut hello = [0; HELLO.len()];
        theirs.read_exact(&mut hello).expect("a greeting");
        theirs.write_all(&[END]).expect("written");
        if waits {
            let mut ready = [0; READY.len()];
            theirs.read_exact(&mut ready).expect("ready");
        }
        theirs.write_all(said).expect("written");
    });
    let (takeover, _) = take_from(ours).expect("taken").expect("somebody");
    if !waits {
        old.join().expect("the thread");
    }
    takeover.ready()
}

#[test]
fn a_successor_that_has_all_sockets_serves_whatever_became_of_the_old_one() {
    for waits in [false, true] {
        ends(b"", waits).expect("it was killed");
        ends(&YOURS[..3], waits).expect("it was killed while it spoke");
        ends(YOURS, waits).expect("alone");
        let other = ends(MINE, waits).expect_err("it goes on");
        assert!(matches!(other, TakeError::GoesOn), "{other}");
    }
}

#[test]
fn one_that_ended_before_it_gave_its_sockets_is_nobody_and_one_that_goes_on_is_not() {
    // This very process made the pair, and goes on.
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    drop(theirs);
    let refused = take_from(ours).expect_err("it runs");
    assert!(refused.is_end(), "{refused}");
    let mut child = std::process::Command::new("true").spawn().expect("it runs");
    let pid = Pid::from_child(&child);
    // The old process did not wait for it.
    assert!(has_ended(pid));
    child.wait().expect("an end");
    assert!(has_ended(pid));
}

#[test]
fn nobody_and_a_socket_that_was_left_behind_are_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("handover");
    assert!(take(&path).expect("nobody").is_none());
    drop(UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    assert!(take(&path).expect("nobody").is_none());
}

#[test]
fn who_speaks_otherwise_gets_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("handover");
    for (words, nothing) in [("take-over 2\n", false), ("", true)] {
        let old = old(&path, vec![listening().0]);
        let mut stream = UnixStream::connect(&path).expect("a connection");
        stream.write_all(words.as_bytes()).expect("written");
        stream.shutdown(std::net::Shutdown::Write).expect("shut");
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("an end");
        assert!(heard.is_empty());
        let refused = old.join().expect("the thread").expect_err("refused");
        assert_eq!(matches!(refused, GiveError::Nothing), nothing, "{refused}");
        std::fs::remove_file(&path).expect("removed");
    }
}
