//! First-in-first-out queues, one for each priority in use.

use std::collections::VecDeque;

/// Items by priority, 1 first; within a priority in the order in which they came.
#[derive(Debug)]
pub(crate) struct Levels<T> {
    /// Sorted by priority. Few priorities are ever used, most often one.
    levels: Vec<(u8, VecDeque<T>)>,
    len: usize,
}

impl<T> Default for Levels<T> {
    fn default() -> Self {
        Self { levels: Vec::new(), len: 0 }
    }
}

impl<T> Levels<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push(&mut self, priority: u8, item: T) {
        self.len += 1;
        let at = self.levels.partition_point(|(level, _)| *level < priority);
        match self.levels.get_mut(at) {
            Some((level, items)) if *level == priority => items.push_back(item),
            Some(_) | None => self.levels.insert(at, (priority, VecDeque::from([item]))),
        }
    }

    /// Takes the first item of the best priority, and says which that was.
    pub(crate) fn pop(&mut self) -> Option<(u8, T)> {
        let found = self.levels.iter_mut().find_map(|(level, items)| Some((*level, items.pop_front()?)))?;
        self.len -= 1;
        Some(found)
    }

    /// Removes the first item of this priority of which `is` holds.
    pub(crate) fn remove(&mut self, priority: u8, is: impl Fn(&T) -> bool) -> Option<T> {
        let (_, items) = self.levels.iter_mut().find(|(level, _)| *level == priority)?;
        let at = items.iter().position(is)?;
        self.len -= 1;
        items.remove(at)
    }

    pub(crate) fn clear(&mut self) {
        self.levels.clear();
        self.len = 0;
    }
}
