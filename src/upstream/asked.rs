//! Which requests a connection has carried, as far as their answers can still be taken for another's.
//! A region repeats our `X-Request-ID`: one that once said something unasked, and so is an answer
//! behind, would otherwise give each caller what the one before was to get, for as long as the
//! connection is busy.

/// So many requests are remembered; who is further behind has been found out before.
const MOST: usize = 5;

/// The last requests on a connection, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    last: [Request; MOST],
    habit: Habit,
}

/// Whether the answers on a connection name their requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Habit {
    /// None has come.
    Unknown,
    /// All of them.
    Always,
    /// Not all of them.
    Sometimes,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    /// Its id, as a number.
    id: Option<u64>,
    /// Whether its answer named it.
    is_settled: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            last: [Request {
                id: None,
                is_settled: true,
            }; MOST],
            habit: Habit::Unknown,
        }
    }
}

impl Asked {
    /// Another request is sent.
    pub const fn ask(&mut self, id: Option<u64>) {
        let [first, second, third, fourth, _] = self.last;
        let newest = Request {
            id,
            is_settled: false,
        };
        self.last = [newest, first, second, third, fourth];
    }

    /// Whether an answer that names `id` is the last request's; one that names nothing, or what was
    /// never asked here, may be. What was answered before and is answered again is only believed where
    /// a cache in front of the region `may_repeat` it. A 2xx or 3xx that names nothing is not believed
    /// on a connection whose answers always named their requests, unless a cache may have made it: an
    /// error can come from a server in front of the application, a success cannot.
    pub fn is_answered_by(&mut self, id: Option<u64>, status: u16, may_repeat: bool) -> bool {
        let [last, earlier @ ..] = &mut self.last;
        if last.id.is_none() {
            // A look-up has no name, so its answer says nothing of the habit.
            return id.is_none()
                || !earlier
                    .iter()
                    .any(|one| one.id == id && !(one.is_settled && may_repeat));
        }
        let is_success = status < 400;
        if id.is_none() {
            if is_success && self.habit == Habit::Always {
                return may_repeat;
            }
            if is_success {
                self.habit = Habit::Sometimes;
            }
            return true;
        }
        if last.id == id {
            last.is_settled = true;
            if self.habit == Habit::Unknown {
                self.habit = Habit::Always;
            }
            return true;
        }
        self.habit = Habit::Sometimes;
        !earlier
            .iter()
            .any(|one| one.id == id && !(one.is_settled && may_repeat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_an_earlier_request_is_none_of_this_one() {
        let mut asked = Asked::default();
        for id in 1..20 {
            asked.ask(Some(id));
            // Whoever says something unasked names nobody, and is an answer behind from then on.
            assert!(asked.is_answered_by(None, 200, false));
            for behind in 1..id.min(5) {
                assert!(
                    !asked.is_answered_by(Some(id - behind), 200, true),
                    "{id} {behind}"
                );
            }
        }
    }

    #[test]
    fn what_was_answered_may_be_repeated_by_a_cache_alone() {
        let mut asked = Asked::default();
        asked.ask(Some(1));
        assert!(asked.is_answered_by(Some(1), 200, false));
        asked.ask(Some(2));
        assert!(asked.is_answered_by(Some(1), 200, true));
        assert!(
            !asked.is_answered_by(Some(1), 200, false),
            "twice, to what no cache answers"
        );
    }

    #[test]
    fn an_unasked_success_without_a_name_is_rejected_where_all_answers_were_named() {
        let mut asked = Asked::default();
        for id in 1..10 {
            asked.ask(Some(id));
            assert!(asked.is_answered_by(Some(id), 200, false));
            asked.ask(Some(100 + id));
            for status in [200, 204, 302, 304] {
                assert!(!asked.is_answered_by(None, status, false), "{status}");
                assert!(asked.is_answered_by(None, status, true), "a cache's");
            }
            for status in [404, 502, 503] {
                assert!(asked.is_answered_by(None, status, false), "a proxy's");
            }
            assert!(asked.is_answered_by(Some(100 + id), 200, false));
        }
    }

    #[test]
    fn a_look_up_neither_ends_nor_meets_what_is_expected_of_named_requests() {
        for answer in [None, Some(77)] {
            let mut asked = Asked::default();
            asked.ask(Some(1));
            assert!(asked.is_answered_by(Some(1), 200, false));
            asked.ask(None);
            assert!(asked.is_answered_by(answer, 200, false));
            asked.ask(Some(2));
            assert!(!asked.is_answered_by(None, 200, false));
        }
    }

    #[test]
    fn a_region_that_does_not_always_name_requests_is_believed() {
        let mut asked = Asked::default();
        for (id, named) in [(1, false), (2, true), (3, false), (4, true), (5, false)] {
            asked.ask(Some(id));
            let name = named.then_some(id);
            assert!(asked.is_answered_by(name, 200, false), "{id}");
        }
    }

    #[test]
    fn other_names_and_requests_of_one_name_prove_nothing() {
        let mut asked = Asked::default();
        for id in [None, Some(7), Some(7), None, Some(7)] {
            asked.ask(id);
            assert!(asked.is_answered_by(Some(99), 200, false), "a region's own");
            assert!(id.is_none() || asked.is_answered_by(id, 200, false));
            assert!(asked.is_answered_by(None, 200, false));
        }
    }
}
