//! [`Machine`]: the stack machine that a pickle is a program for.

use std::collections::{BTreeMap, HashMap};

use super::values::{Callable, Id, Item, global, long, pairs, place};
use super::{Read, bad};
use crate::catalog::error::Damage;
use crate::catalog::stored_tensor::StoredTensor;

/// Values on the stack, in the memo and in containers together; far above what a checkpoint has.
const MOST_VALUES: usize = 1_000_000;
/// Containers within each other when weights are looked for.
const DEEPEST: usize = 6;
/// The stack machine of a pickle, and what it has made.
pub(super) struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    storages: &'a HashMap<String, (usize, usize)>,
    values: Vec<Item>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    /// A machine that will run `program`; `storages` are first byte and bytes of what lies beside it.
    pub(super) fn new(program: &'a [u8], storages: &'a HashMap<String, (usize, usize)>) -> Self {
        Self {
            program,
            at: 0,
            storages,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let end = self.at.saturating_add(count);
        let Some(taken) = self.program.get(self.at..end) else {
            return bad("it ends in the middle");
        };
        self.at = end;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Read<u64> {
        let mut bytes = [0; 8];
        let taken = self.take(N)?;
        bytes
            .get_mut(..N)
            .unwrap_or_default()
            .copy_from_slice(taken);
        Ok(u64::from_le_bytes(bytes))
    }

    fn line(&mut self) -> Read<String> {
        let rest = self.program.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return bad("it ends in the middle");
        };
        let line = self.take(length)?;
        self.at += 1;
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn text(&mut self, length: u64) -> Read<()> {
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.push(Item::Text(text))
    }

    fn push(&mut self, item: Item) -> Read<()> {
        if self.values.len() >= MOST_VALUES || self.stack.len() >= MOST_VALUES {
            return bad("it holds too many values");
        }
        self.stack.push(self.values.len());
        self.values.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Read<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return bad("its stack is empty");
        }
        self.stack
            .pop()
            .map_or_else(|| bad("its stack is empty"), Ok)
    }

    fn top(&self) -> Read<Id> {
        let top = self.stack.last().copied();
        top.map_or_else(|| bad("its stack is empty"), Ok)
    }

    /// Everything above the last mark, which goes.
    fn pop_mark(&mut self) -> Read<Vec<Id>> {
        let Some(mark) = self.marks.pop() else {
            return bad("a mark is missing");
        };
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn item(&self, id: Id) -> &Item {
        self.values.get(id).unwrap_or(&Item::Nothing)
    }

    fn put(&mut self, key: u64) -> Read<()> {
        if self.memo.len() >= MOST_VALUES {
            return bad("it holds too many values");
        }
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn get(&mut self, key: u64) -> Read<()> {
        let Some(id) = self.memo.get(&key).copied() else {
            return bad("it names what it has not made");
        };
        if self.stack.len() >= MOST_VALUES {
            return bad("it holds too many values");
        }
        self.stack.push(id);
        Ok(())
    }

    /// Runs to the end, and gives what is left.
    pub(super) fn run(&mut self) -> Read<Id> {
        loop {
            let code = self.number::<1>()? as u8;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
    }

    fn step(&mut self, code: u8) -> Read<()> {
        match code {
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                if self.marks.len() > MOST_VALUES {
                    return bad("it holds too many values");
                }
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                self.push_checked()
            }
            b'q' => {
                let key = self.number::<1>()?;
                self.put(key)
            }
            b'r' => {
                let key = self.number::<4>()?;
                self.put(key)
            }
            0x94 => self.put(self.memo.len() as u64),
            b'h' => {
                let key = self.number::<1>()?;
                self.get(key)
            }
            b'j' => {
                let key = self.number::<4>()?;
                self.get(key)
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.name(&module, &name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.item(module).clone(), self.item(name).clone()) {
                    (Item::Text(module), Item::Text(name)) => self.name(&module, &name),
                    _ => bad("it names something by what is no text"),
                }
            }
            _ => self.step_value(code),
        }
    }

    fn push_checked(&self) -> Read<()> {
        if self.stack.len() > MOST_VALUES {
            return bad("it holds too many values");
        }
        Ok(())
    }

    /// Steps that make or fill a value.
    fn step_value(&mut self, code: u8) -> Read<()> {
        match code {
            b'N' => self.push(Item::Nothing),
            0x88 | 0x89 => self.push(Item::Whole(i64::from(code == 0x88))),
            b'J' => {
                let number = self.number::<4>()? as u32 as i32;
                self.push(Item::Whole(number.into()))
            }
            b'K' => {
                let number = self.number::<1>()?;
                self.push(Item::Whole(number as i64))
            }
            b'M' => {
                let number = self.number::<2>()?;
                self.push(Item::Whole(number as i64))
            }
            0x8a => {
                let length = self.number::<1>()? as usize;
                let bytes = self.take(length)?;
                self.push(long(bytes))
            }
            b'G' => {
                self.take(8)?;
                self.push(Item::Other)
            }
            b'X' | b'T' | b'B' => {
                let length = self.number::<4>()?;
                self.text(length)
            }
            0x8c | b'U' | b'C' => {
                let length = self.number::<1>()?;
                self.text(length)
            }
            0x8d => {
                let length = self.number::<8>()?;
                self.text(length)
            }
            b')' => self.push(Item::Tuple(Vec::new())),
            b't' => {
                let items = self.pop_mark()?;
                self.push(Item::Tuple(items))
            }
            0x85..=0x87 => self.small_tuple(code - 0x84),
            b']' => self.push(Item::List(Vec::new())),
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Item::List(items))
            }
            b'}' => self.push(Item::Dictionary(Vec::new())),
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Item::Dictionary(pairs(&items)))
            }
            0x8f => self.push(Item::Other),
            _ => self.step_fill(code),
        }
    }

    fn small_tuple(&mut self, count: u8) -> Read<()> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Item::Tuple(items))
    }

    /// Steps that fill a container, call, or fetch from the archive.
    fn step_fill(&mut self, code: u8) -> Read<()> {
        match code {
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.fill(&[key, value])
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.fill(&items)
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)
            }
            0x90 => self.pop_mark().map(drop),
            // The state of an object: a dictionary's own attributes, which hold no weights.
            b'b' => self.pop().map(drop),
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(storage)
            }
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let made = self.call(callable, arguments)?;
                self.push(made)
            }
            _ => bad(format!("it has the instruction {code:#04x}")),
        }
    }

    fn name(&mut self, module: &str, name: &str) -> Read<()> {
        match global(module, name) {
            Some(item) => self.push(item),
            None => Err(Damage::ForeignCall {
                name: format!("{module}.{name}"),
            }),
        }
    }

    fn fill(&mut self, items: &[Id]) -> Read<()> {
        let container = self.top()?;
        if let Some(Item::Dictionary(entries)) = self.values.get_mut(container) {
            if entries.len() + items.len() > MOST_VALUES {
                return bad("it holds too many values");
            }
            entries.extend(pairs(items));
        }
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Read<()> {
        let container = self.top()?;
        if let Some(Item::List(entries)) = self.values.get_mut(container) {
            if entries.len() + items.len() > MOST_VALUES {
                return bad("it holds too many values");
            }
            entries.extend_from_slice(items);
        }
        Ok(())
    }

    fn tuple(&self, id: Id) -> &[Id] {
        match self.item(id) {
            Item::Tuple(items) | Item::List(items) => items,
            _ => &[],
        }
    }

    fn whole(&self, id: Id) -> Option<usize> {
        match self.item(id) {
            Item::Whole(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// What `('storage', type, key, location, elements)` names.
    fn storage(&self, id: Id) -> Read<Item> {
        let &[_, kind, key, ..] = self.tuple(id) else {
            return bad("a storage has no key");
        };
        let (Item::Numbers(dtype), Item::Text(key)) = (self.item(kind), self.item(key)) else {
            return bad("a storage has no key");
        };
        match self.storages.get(&format!("data/{key}")) {
            Some((start, size)) => Ok(Item::Storage(*start, *size, *dtype)),
            None => bad(format!("the storage {key} is not in it")),
        }
    }

    fn call(&self, callable: Id, arguments: Id) -> Read<Item> {
        let Item::Known(callable) = self.item(callable) else {
            return bad("it calls what cannot be called");
        };
        let arguments = self.tuple(arguments);
        match callable {
            Callable::Dictionary => Ok(Item::Dictionary(Vec::new())),
            Callable::Ignored => Ok(Item::Other),
            Callable::Parameter => match arguments.first().map(|id| self.item(*id)) {
                Some(Item::Tensor(stored)) => Ok(Item::Tensor(stored.clone())),
                _ => bad("a parameter is no weight"),
            },
            Callable::Tensor => self.tensor(arguments),
        }
    }

    /// A tensor of `(storage, offset, shape, strides, …)`.
    fn tensor(&self, arguments: &[Id]) -> Read<Item> {
        let &[storage, offset, shape, strides, ..] = arguments else {
            return bad("a weight has no place");
        };
        let numbers = |id: Id| -> Option<Vec<usize>> {
            self.tuple(id).iter().map(|id| self.whole(*id)).collect()
        };
        let (&Item::Storage(start, size, dtype), Some(offset), Some(shape), Some(strides)) = (
            self.item(storage),
            self.whole(offset),
            numbers(shape),
            numbers(strides),
        ) else {
            return bad("a weight has no place");
        };
        let placed = place((start, size), dtype, offset, shape, strides);
        placed.map_or_else(
            || bad("a weight lies outside its storage"),
            |stored| Ok(Item::Tensor(stored)),
        )
    }

    /// All tensors within a value, by their keys joined with dots.
    pub(super) fn collect(
        &self,
        id: Id,
        name: &str,
        to: &mut BTreeMap<String, StoredTensor>,
    ) -> Read<()> {
        self.collect_below(id, name, DEEPEST, to, &mut 0)
    }

    fn collect_below(
        &self,
        id: Id,
        name: &str,
        deepest: usize,
        to: &mut BTreeMap<String, StoredTensor>,
        visits: &mut usize,
    ) -> Read<()> {
        *visits += 1;
        if *visits > MOST_VALUES {
            // A dictionary in which one lies a thousand times, in which one lies a thousand times.
            return bad("it holds too many values");
        }
        match self.item(id) {
            Item::Tensor(stored) => {
                to.insert(name.to_owned(), stored.clone());
            }
            Item::Dictionary(entries) if deepest > 0 => {
                for (key, value) in entries {
                    let Item::Text(key) = self.item(*key) else {
                        continue;
                    };
                    let dot = if name.is_empty() { "" } else { "." };
                    let name = format!("{name}{dot}{key}");
                    self.collect_below(*value, &name, deepest - 1, to, visits)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
