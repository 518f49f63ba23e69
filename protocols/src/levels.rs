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

    /// Adds an item at the end of its level.
    #[inline]
    pub(crate) fn push(&mut self, priority: u8, item: T) {
        self.len += 1;
        for (level, items) in &mut self.levels {
            if *level == priority {
                return items.push_back(item);
            }
        }
        let at = self.levels.partition_point(|(level, _)| *level < priority);
        self.levels.insert(at, (priority, VecDeque::from([item])));
    }

    /// Adds `item` at the end of its level, and leaves an empty one.
    #[inline]
    pub(crate) fn push_from(&mut self, priority: u8, item: &mut T)
    where
        T: Default,
    {
        for (level, items) in &mut self.levels {
            if *level == priority {
                self.len += 1;
                items.push_back(T::default());
                if let Some(last) = items.back_mut() {
                    std::mem::swap(last, item);
                }
                return;
            }
        }
        self.push(priority, std::mem::take(item));
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

    /// Takes that first item, into `item`.
    #[inline]
    pub(crate) fn pop_into(&mut self, item: &mut T) -> bool {
        for (_, items) in &mut self.levels {
            if let Some(first) = items.front_mut() {
                std::mem::swap(first, item);
                items.pop_front();
                self.len -= 1;
                return true;
            }
        }
        false
    }

    /// Puts that first item at the end of its level.
    #[inline]
    pub(crate) fn rotate(&mut self) {
        if let Some((_, items)) = self.levels.iter_mut().find(|(_, items)| !items.is_empty())
            && items.len() > 1
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
