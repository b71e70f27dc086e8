//! The weights in what PyTorch saves: a zip archive with a pickle that says where each lies in it.
//!
//! A pickle is a program for a small stack machine that may call anything in Python. The machine here
//! can call three things, which it knows by name and does itself: make an ordered dictionary, make
//! a tensor of a storage, wrap a tensor as a parameter. Any other name ends the reading at once, and
//! is told. Nothing is imported and nothing is run. Sizes are never believed: a tensor is only a
//! place in the archive, which must lie within its storage.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use safetensors::Dtype;

use super::error::Damage;
use super::tensor_file::StoredTensor;

/// Values on the stack, in the memo and in containers together; far above what a checkpoint has.
const MOST_VALUES: usize = 1_000_000;
/// Containers within each other when weights are looked for.
const DEEPEST: usize = 6;
/// Bytes of the longest program; a checkpoint's has a few hundred thousand.
const LONGEST: usize = 64 << 20;

type Read<T> = Result<T, Damage>;

fn bad<T>(why: impl Into<String>) -> Read<T> {
    Err(Damage::Pickle { why: why.into() })
}

/// The weights that the file holds, by name.
pub(super) fn tensors(bytes: &[u8]) -> Read<BTreeMap<String, StoredTensor>> {
    if !bytes.starts_with(b"PK") {
        // The layout PyTorch wrote until 1.6, in 2020.
        return bad("it is in PyTorch's layout from before 2020");
    }
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| Damage::Pickle {
            why: error.to_string(),
        })?;
    let name = archive
        .file_names()
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .map(str::to_owned);
    let Some(name) = name else {
        return bad("there is no data.pkl in it");
    };
    let root = name.trim_end_matches("data.pkl").to_owned();
    let mut storages = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| Damage::Pickle {
            why: error.to_string(),
        })?;
        let stored = entry.compression() == zip::CompressionMethod::Stored;
        let (Some(start), size) = (entry.data_start(), entry.size()) else {
            continue;
        };
        let (start, size) = (start as usize, size as usize);
        let end = start.checked_add(size);
        let within = stored && end.is_some_and(|end| end <= bytes.len());
        if let Some(key) = entry.name().strip_prefix(&root).filter(|_| within) {
            storages.insert(key.to_owned(), (start, size));
        }
    }
    let Some(&(start, size)) = storages.get("data.pkl") else {
        return bad("its data.pkl is compressed");
    };
    if size > LONGEST {
        return bad("its data.pkl is too long");
    }
    let program = bytes.get(start..start + size).unwrap_or_default();
    let mut machine = Machine::new(program, &storages);
    let root = machine.run()?;
    let mut found = BTreeMap::new();
    machine.collect(root, "", DEEPEST, &mut found, &mut 0)?;
    if found.is_empty() {
        return bad("there are no weights in it");
    }
    // Trainers put the weights beside other things.
    let below = |name: &str| name.strip_prefix("state_dict.").map(str::to_owned);
    if found.keys().any(|name| below(name).is_some()) {
        let inner = found.into_iter();
        return Ok(inner
            .filter_map(|(name, stored)| Some((below(&name)?, stored)))
            .collect());
    }
    Ok(found)
}

/// Where a value lies among the machine's.
type Id = usize;

#[derive(Debug, Clone)]
enum Item {
    Nothing,
    Whole(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    /// Something known by name that can be called.
    Known(Callable),
    /// A type of numbers.
    Numbers(Dtype),
    /// Numbers in the archive: first byte and bytes, and what they are.
    Storage(usize, usize, Dtype),
    Tensor(StoredTensor),
    /// What is of no concern, such as a float.
    Other,
}

#[derive(Debug, Clone, Copy)]
enum Callable {
    Dictionary,
    Tensor,
    Parameter,
    /// Restores something that holds no weights, and is not restored.
    Ignored,
}

/// What may be named, and what it is here.
fn global(module: &str, name: &str) -> Option<Item> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Item::Known(Callable::Dictionary),
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => {
            Item::Known(Callable::Tensor)
        }
        ("torch._utils", "_rebuild_parameter") => Item::Known(Callable::Parameter),
        // What PyTorch Lightning leaves beside the weights; built as nothing.
        ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
        | ("lightning.pytorch.callbacks.model_checkpoint", "ModelCheckpoint")
        | ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar")
        | ("numpy", "dtype")
        | ("torch", "Size")
        | ("_codecs", "encode") => Item::Known(Callable::Ignored),
        ("torch", "FloatStorage" | "float32") => Item::Numbers(Dtype::F32),
        ("torch", "HalfStorage" | "float16") => Item::Numbers(Dtype::F16),
        ("torch", "BFloat16Storage" | "bfloat16") => Item::Numbers(Dtype::BF16),
        ("torch", "DoubleStorage" | "float64") => Item::Numbers(Dtype::F64),
        ("torch", "LongStorage" | "int64") => Item::Numbers(Dtype::I64),
        ("torch", "IntStorage" | "int32") => Item::Numbers(Dtype::I32),
        ("torch", "ShortStorage") => Item::Numbers(Dtype::I16),
        ("torch", "CharStorage") => Item::Numbers(Dtype::I8),
        ("torch", "ByteStorage") => Item::Numbers(Dtype::U8),
        ("torch", "BoolStorage") => Item::Numbers(Dtype::BOOL),
        _ => return None,
    })
}

struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    storages: &'a HashMap<String, (usize, usize)>,
    values: Vec<Item>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn new(program: &'a [u8], storages: &'a HashMap<String, (usize, usize)>) -> Self {
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
        self.stack.pop().map_or_else(|| bad("its stack is empty"), Ok)
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
    fn run(&mut self) -> Read<Id> {
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
            b'X' => {
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
            b'T' | b'B' => {
                let length = self.number::<4>()?;
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
            Callable::Parameter => {
                match arguments.first().map(|id| self.item(*id)) {
                    Some(Item::Tensor(stored)) => Ok(Item::Tensor(stored.clone())),
                    _ => bad("a parameter is no weight"),
                }
            }
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
    fn collect(
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
                    self.collect(*value, &name, deepest - 1, to, visits)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks().0.iter().map(|[key, value]| (*key, *value)).collect()
}

/// A whole number of any length, little-endian, in two's complement.
fn long(bytes: &[u8]) -> Item {
    let Some(last) = bytes.last() else {
        return Item::Whole(0);
    };
    if bytes.len() > 8 {
        return Item::Other;
    }
    let fill = if last & 0x80 == 0 { 0 } else { 0xff };
    let mut whole = [fill; 8];
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    Item::Whole(i64::from_le_bytes(whole))
}

/// The tensor at that place of a storage (first byte, bytes); `None` where any of it lies outside.
fn place(
    (start, size): (usize, usize),
    dtype: Dtype,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
) -> Option<StoredTensor> {
    let number = dtype.bitsize() / 8;
    if shape.len() != strides.len() {
        return None;
    }
    let mut last = offset;
    let mut row_major = 1_usize;
    let mut is_plain = true;
    for (count, stride) in shape.iter().zip(&strides).rev() {
        last = last.checked_add(count.saturating_sub(1).checked_mul(*stride)?)?;
        is_plain &= *stride == row_major || *count <= 1;
        row_major = row_major.checked_mul(*count)?;
    }
    // A tensor that repeats its numbers could be of any size.
    let elements = row_major;
    if elements > 0 && last.checked_add(1)?.checked_mul(number)? > size {
        return None;
    }
    if elements.checked_mul(number)? > size {
        return None;
    }
    Some(StoredTensor {
        dtype,
        shape,
        strides: (!is_plain).then_some(strides),
        start: start.checked_add(offset.checked_mul(number)?)?,
    })
}

#[cfg(test)]
mod tests;
