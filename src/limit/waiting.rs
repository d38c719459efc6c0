//! Who waits longest: connections on which nothing is being done, in the order in which they began to
//! wait. When all places are taken the first of them is shown out, so that silence keeps nobody else
//! away (nginx does the same with its kept connections).

use slab::Slab;

/// Connections of one thread. Each step takes the same time, however many there are.
#[derive(Debug)]
pub struct Waiting<T> {
    places: Slab<Place<T>>,
    ends: Ends,
}

#[derive(Debug)]
struct Place<T> {
    holder: T,
    /// The neighbours in line; `None` of one that is at work.
    line: Option<Neighbours>,
}

#[derive(Clone, Copy, Debug)]
struct Neighbours {
    longer: Option<usize>,
    shorter: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    longest: Option<usize>,
    shortest: Option<usize>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            places: Slab::new(),
            ends: Ends::default(),
        }
    }
}

impl<T> Waiting<T> {
    /// One more, which begins to wait. What it is called until it is removed.
    pub fn insert(&mut self, holder: T) -> usize {
        let place = self.places.insert(Place { holder, line: None });
        self.wait(place);
        place
    }

    /// How many there are, waiting or at work.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What was put there.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.places.get_mut(place).map(|place| &mut place.holder)
    }

    /// It begins to wait. One that waits already goes on as it was.
    pub fn wait(&mut self, place: usize) {
        let longer = self.ends.shortest;
        match self.places.get_mut(place) {
            Some(found) if found.line.is_none() => {
                found.line = Some(Neighbours {
                    longer,
                    shorter: None,
                });
            }
            _ => return,
        }
        self.link(longer, Some(place));
        self.link(Some(place), None);
    }

    /// It is at work, and nobody may show it out.
    pub fn work(&mut self, place: usize) {
        let found = self.places.get_mut(place);
        if let Some(Neighbours { longer, shorter }) = found.and_then(|found| found.line.take()) {
            self.link(longer, shorter);
        }
    }

    /// It is gone.
    pub fn remove(&mut self, place: usize) -> Option<T> {
        self.work(place);
        self.places.try_remove(place).map(|gone| gone.holder)
    }

    /// Takes the one that waits longest out of the line. It stays until it is removed.
    pub fn show_out(&mut self) -> Option<&T> {
        let longest = self.ends.longest?;
        self.work(longest);
        self.places.get(longest).map(|place| &place.holder)
    }

    /// Makes these two neighbours; `None` is the end of the line.
    fn link(&mut self, longer: Option<usize>, shorter: Option<usize>) {
        match longer.map(|place| self.neighbours(place)) {
            Some(Some(neighbours)) => neighbours.shorter = shorter,
            Some(None) => {}
            None => self.ends.longest = shorter,
        }
        match shorter.map(|place| self.neighbours(place)) {
            Some(Some(neighbours)) => neighbours.longer = longer,
            Some(None) => {}
            None => self.ends.shortest = longer,
        }
    }

    fn neighbours(&mut self, place: usize) -> Option<&mut Neighbours> {
        self.places.get_mut(place)?.line.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_one_that_waits_longest_is_shown_out_and_none_at_work() {
        let mut waiting = Waiting::default();
        let [first, second, third] = ["first", "second", "third"].map(|name| waiting.insert(name));
        waiting.work(first);
        assert_eq!(waiting.show_out(), Some(&"second"));
        waiting.wait(first);
        assert_eq!(waiting.show_out(), Some(&"third"));
        assert_eq!(waiting.show_out(), Some(&"first"));
        assert_eq!(waiting.show_out(), None);
        assert_eq!(waiting.len(), 3);
        for place in [first, second, third] {
            assert!(waiting.remove(place).is_some() && waiting.remove(place).is_none());
        }
        assert!(waiting.is_empty());
    }

    proptest! {
        /// Against a list that is searched.
        #[test]
        fn the_line_is_that_of_a_list(steps: Vec<(u8, u8)>) {
            let mut waiting = Waiting::default();
            let mut all: Vec<usize> = Vec::new();
            let mut line: Vec<usize> = Vec::new();
            for (number, (kind, which)) in steps.into_iter().enumerate() {
                let place = all.get(usize::from(which) % all.len().max(1)).copied();
                match (kind % 5, place) {
                    (0, _) | (_, None) => {
                        let place = waiting.insert(number);
                        all.push(place);
                        line.push(place);
                    }
                    (1, Some(place)) => {
                        waiting.wait(place);
                        if !line.contains(&place) {
                            line.push(place);
                        }
                    }
                    (2, Some(place)) => {
                        waiting.work(place);
                        line.retain(|other| *other != place);
                    }
                    (3, Some(place)) => {
                        prop_assert!(waiting.remove(place).is_some());
                        all.retain(|other| *other != place);
                        line.retain(|other| *other != place);
                    }
                    _ => {
                        let longest = (!line.is_empty()).then(|| line.remove(0));
                        let expected = longest.map(|place| waiting.places[place].holder);
                        prop_assert_eq!(waiting.show_out().copied(), expected);
                    }
                }
                prop_assert_eq!(waiting.len(), all.len());
            }
            for place in line {
                let expected = waiting.places[place].holder;
                prop_assert_eq!(waiting.show_out().copied(), Some(expected));
            }
            prop_assert!(waiting.show_out().is_none());
        }
    }
}
