//! [`Remembered`]: results kept by the content they were made from.

/// The last few results of something slow, found again by equality of what they were made from.
/// Comparing whole contents costs little beside what it saves and cannot be fooled as a hash can.
#[derive(Debug)]
pub(crate) struct Remembered<K, V> {
    /// Latest used first.
    entries: Vec<(K, V)>,
    most: usize,
}

impl<K: PartialEq, V: Clone> Remembered<K, V> {
    /// Keeps `most` results.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: Vec::with_capacity(most),
            most,
        }
    }

    /// The result for `key`, if it is kept.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        let entry = self.entries.remove(at);
        let value = entry.1.clone();
        self.entries.insert(0, entry);
        Some(value)
    }

    /// Keeps a result; the one unused for longest goes.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        self.entries.retain(|(known, _)| *known != key);
        self.entries.truncate(self.most.saturating_sub(1));
        self.entries.insert(0, (key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_unused_for_longest_goes() {
        let mut kept = Remembered::new(2);
        kept.keep("a", 1);
        kept.keep("b", 2);
        assert_eq!(kept.get(&"a"), Some(1));
        kept.keep("c", 3);
        assert_eq!(kept.get(&"b"), None);
        kept.keep("a", 4);
        assert_eq!((kept.get(&"a"), kept.get(&"c")), (Some(4), Some(3)));
    }
}
