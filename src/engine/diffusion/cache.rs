//! [`LruCache`]: encoded texts and pictures, kept by the content they were computed from.

/// A small least-recently-used cache. Keys are whole contents, compared by equality: that costs little
/// beside what it saves and has no collisions as a hash has.
#[derive(Debug)]
pub(crate) struct LruCache<K, V> {
    /// Most recently used first.
    entries: Vec<(K, V)>,
    capacity: usize,
}

impl<K: PartialEq, V: Clone> LruCache<K, V> {
    /// Keeps `capacity` results.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            capacity,
        }
    }

    /// The result for `key`, if it is cached.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        let entry = self.entries.remove(at);
        let value = entry.1.clone();
        self.entries.insert(0, entry);
        Some(value)
    }

    /// Caches a result; the least recently used one is evicted.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.entries.retain(|(known, _)| *known != key);
        self.entries.truncate(self.capacity.saturating_sub(1));
        self.entries.insert(0, (key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_is_evicted() {
        let mut kept = LruCache::new(2);
        kept.insert("a", 1);
        kept.insert("b", 2);
        assert_eq!(kept.get(&"a"), Some(1));
        kept.insert("c", 3);
        assert_eq!(kept.get(&"b"), None);
        kept.insert("a", 4);
        assert_eq!((kept.get(&"a"), kept.get(&"c")), (Some(4), Some(3)));
    }
}
