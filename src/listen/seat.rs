//! A connection's place on its thread, and how another gets it when there is none left.

use std::rc::Rc;

use tokio::task::spawn_local;

use crate::proxy::worker::Worker;
use crate::telemetry::worker::Event;

/// A connection's place while it lives. It waits at first, to be told who asks what.
pub(super) struct Seat {
    worker: Rc<Worker>,
    place: usize,
}

impl Seat {
    /// Something is asked, and is to be finished.
    pub(super) fn works(&self) {
        self.worker.clients.borrow_mut().work(self.place);
    }

    /// Nothing is asked, or not all of it has come yet.
    pub(super) fn waits(&self) {
        self.worker.clients.borrow_mut().wait(self.place);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.worker.clients.borrow_mut().remove(self.place);
    }
}

/// Serves a connection in a local task: a panic in it ends that connection alone.
pub(super) fn serve<F>(worker: &Rc<Worker>, connection: impl FnOnce(Seat) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let place = worker.clients.borrow_mut().insert(None);
    let seat = Seat {
        worker: worker.clone(),
        place,
    };
    let task = spawn_local(connection(seat)).abort_handle();
    if let Some(holder) = worker.clients.borrow_mut().get_mut(place) {
        *holder = Some(task);
    }
}

/// Ends the connection of this thread that has waited longest; whether there was one. Nothing is in
/// flight on it: a client whose request crosses with that has the same to do as when any idle
/// connection is closed.
pub(super) fn make_room(worker: &Worker) -> bool {
    let mut clients = worker.clients.borrow_mut();
    let Some(task) = clients.show_out() else {
        return false;
    };
    if let Some(task) = task {
        task.abort();
    }
    worker.metrics.count(Event::Displaced, None, "");
    true
}
