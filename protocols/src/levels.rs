//! First-in-first-out queues, one for each priority in use.

use std::collections::VecDeque;

use spanwire_core::Message;
use spanwire_core::message::{pop_into, push_from};

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

    /// Does something with the items of this priority.
    #[inline]
    fn with_level(&mut self, priority: u8, f: impl FnOnce(&mut VecDeque<T>)) {
        if let Some((_, items)) = self.levels.iter_mut().find(|(level, _)| *level == priority) {
            return f(items);
        }
        let mut items = VecDeque::new();
        f(&mut items);
        let at = self.levels.partition_point(|(level, _)| *level < priority);
        self.levels.insert(at, (priority, items));
    }

    /// Adds an item at the end of its level.
    #[inline]
    pub(crate) fn push(&mut self, priority: u8, item: T) {
        self.len += 1;
        self.with_level(priority, |items| items.push_back(item));
    }

    /// The first item of the best level that has one.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        self.levels.iter().find_map(|(_, items)| items.front())
    }

    /// Takes that first item.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        for (_, items) in &mut self.levels {
            if let Some(item) = items.pop_front() {
                self.len -= 1;
                return Some(item);
            }
        }
        None
    }

    /// Puts that first item at the end of its level.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        if self.len > 1
            && let Some((_, items)) = self.levels.iter_mut().find(|(_, items)| !items.is_empty())
        {
            items.rotate_left(1);
        }
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

impl Levels<Message> {
    /// Adds a message at the end of its level, and leaves an empty one.
    #[inline]
    pub(crate) fn push_from(&mut self, priority: u8, msg: &mut Message) {
        self.len += 1;
        self.with_level(priority, |items| push_from(items, msg));
    }

    /// Takes the first message of the best level that has one into `msg`.
    #[inline]
    pub(crate) fn pop_into(&mut self, msg: &mut Message) -> bool {
        let popped = self.levels.iter_mut().any(|(_, items)| pop_into(items, msg));
        self.len -= usize::from(popped);
        popped
    }
}
