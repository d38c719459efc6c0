//! Which requests a connection has carried, as far as their answers can still be taken for another's.
//! A region repeats our `X-Request-ID`: one that once said something unasked, and so is an answer
//! behind, would otherwise give each caller what the one before was to get, for as long as the
//! connection is busy.

/// So many requests are remembered; who is further behind has been found out before.
const MOST: usize = 5;

/// The last requests on a connection, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct Asked([Request; MOST]);

#[derive(Clone, Copy, Debug)]
struct Request {
    /// Its id, as a number.
    id: Option<u64>,
    /// Whether its answer named it.
    is_settled: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self(
            [Request {
                id: None,
                is_settled: true,
            }; MOST],
        )
    }
}

impl Asked {
    /// Another request is sent.
    pub const fn ask(&mut self, id: Option<u64>) {
        let [first, second, third, fourth, _] = self.0;
        let newest = Request {
            id,
            is_settled: false,
        };
        self.0 = [newest, first, second, third, fourth];
    }

    /// Whether an answer that names `id` is the last request's; one that names nothing, or what was
    /// never asked here, may be. What was answered before and is answered again is only believed where
    /// a cache in front of the region `may_repeat` it.
    pub fn is_answered_by(&mut self, id: Option<u64>, may_repeat: bool) -> bool {
        let [last, earlier @ ..] = &mut self.0;
        if id.is_none() {
            return true;
        }
        if last.id == id {
            last.is_settled = true;
            return true;
        }
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
            assert!(asked.is_answered_by(None, false));
            for behind in 1..id.min(5) {
                assert!(
                    !asked.is_answered_by(Some(id - behind), true),
                    "{id} {behind}"
                );
            }
        }
    }

    #[test]
    fn what_was_answered_may_be_repeated_by_a_cache_alone() {
        let mut asked = Asked::default();
        asked.ask(Some(1));
        assert!(asked.is_answered_by(Some(1), false));
        asked.ask(Some(2));
        assert!(asked.is_answered_by(Some(1), true));
        assert!(
            !asked.is_answered_by(Some(1), false),
            "twice, to what no cache answers"
        );
    }

    #[test]
    fn other_names_and_requests_of_one_name_prove_nothing() {
        let mut asked = Asked::default();
        for id in [None, Some(7), Some(7), None, Some(7)] {
            asked.ask(id);
            assert!(asked.is_answered_by(Some(99), false), "a region's own");
            assert!(id.is_none() || asked.is_answered_by(id, false));
            assert!(asked.is_answered_by(None, false));
        }
    }
}
