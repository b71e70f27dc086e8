//! An emulator of AMX for tests: a processor without it raises SIGILL at its instructions; the handler
//! installed here does what [Intel's manual](https://www.intel.com/sdm) (volume 2, of each instruction)
//! says they do, and resumes behind them. So the assembly is tested, instruction by instruction, on every
//! machine.

#![expect(
    unsafe_code,
    reason = "a signal handler, which reads and writes what the emulated instruction would"
)]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::sync::Once;

const ROWS: usize = 16;
const COLUMNS: usize = 16;

/// The tile registers of a thread.
struct Registers {
    configured: bool,
    tiles: [[[u32; COLUMNS]; ROWS]; 8],
}

thread_local! {
    static REGISTERS: RefCell<Registers> = const {
        RefCell::new(Registers {
            configured: false,
            tiles: [[[0; COLUMNS]; ROWS]; 8],
        })
    };
}

/// Installs the handler for every thread of the process.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the action is whole: a handler of three arguments, no mask, on the thread's own
        // stack.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_illegal_instruction as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            assert_eq!(
                libc::sigaction(libc::SIGILL, &raw const action, std::ptr::null_mut()),
                0
            );
        }
    });
}

extern "C" fn on_illegal_instruction(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: of a handler with SA_SIGINFO the third argument is this, and nobody else uses it now.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let general = &mut context.uc_mcontext.gregs;
    let length = REGISTERS.with_borrow_mut(|registers| registers.interpret(general));
    match length {
        Some(length) => general[libc::REG_RIP as usize] += length,
        // Not one of ours: it stops the program when it is met again.
        None => {
            // SAFETY: the default action has no handler.
            unsafe { libc::signal(libc::SIGILL, libc::SIG_DFL) };
        }
    }
}

/// A general register by its number in an instruction.
fn general(registers: &[i64; 23], number: u8) -> usize {
    const ORDER: [c_int; 16] = [
        libc::REG_RAX,
        libc::REG_RCX,
        libc::REG_RDX,
        libc::REG_RBX,
        libc::REG_RSP,
        libc::REG_RBP,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
    ];
    registers[ORDER[usize::from(number)] as usize].cast_unsigned() as usize
}

/// An instruction's memory operand: where it begins, and the bytes from one row to the next.
struct Memory {
    start: usize,
    stride: usize,
    /// Bytes of the instruction behind the opcode.
    length: usize,
}

impl Memory {
    /// Of the bytes from ModRM on; `x` and `b` are the prefix' upper bits of index and base. `None`
    /// of forms that no assembly of ours has.
    fn decode(bytes: [u8; 8], (x, b): (u8, u8), registers: &[i64; 23]) -> Option<Self> {
        let (mode, low) = (bytes[0] >> 6, bytes[0] & 7);
        let (base, stride, mut length) = if low == 4 {
            let (scale, index, base) = (bytes[1] >> 6, bytes[1] >> 3 & 7 | x << 3, bytes[1] & 7);
            let stride = if index == 4 {
                0
            } else {
                general(registers, index) << scale
            };
            (base, stride, 2)
        } else {
            (low, 0, 1)
        };
        let displacement = match mode {
            0 if base == 5 => return None,
            0 => 0,
            1 => i64::from(bytes[length].cast_signed()),
            2 => {
                let bytes = bytes[length..].first_chunk()?;
                i64::from(i32::from_le_bytes(*bytes))
            }
            _ => return None,
        };
        length += [0, 1, 4, 0][usize::from(mode)];
        let base = general(registers, base | b << 3) as i64;
        Some(Self {
            start: (base + displacement) as usize,
            stride,
            length,
        })
    }

    /// Row `index` of 64 bytes.
    fn row(&self, index: usize) -> *mut [u32; COLUMNS] {
        self.start.wrapping_add(index * self.stride) as *mut _
    }
}

impl Registers {
    /// Emulates the instruction at RIP; its length, or `None` where it is none of AMX's or one that the
    /// processor would refuse.
    fn interpret(&mut self, registers: &[i64; 23]) -> Option<i64> {
        let at = registers[libc::REG_RIP as usize] as *const [u8; 12];
        // SAFETY: an instruction was read there; the bytes behind it belong to the same function or
        // the ones that follow it.
        let [0xc4, second, third, opcode, operand @ ..] = (unsafe { at.read_unaligned() }) else {
            return None;
        };
        // The three-byte prefix, upper bits inverted; map 2 is 0F 38, and neither W nor L is set.
        let [x, b] = [6, 5].map(|bit| !second >> bit & 1);
        if second & 0x9f != 0x82 || third & 0x84 != 0 {
            return None;
        }
        let other = usize::from(!third >> 3 & 0xf);
        let (prefix, mode) = (third & 3, operand[0] >> 6);
        let [tile, from] = [operand[0] >> 3 & 7, operand[0] & 7].map(usize::from);
        let memory = || Memory::decode(operand, (x, b), registers);
        if (opcode, prefix) == (0x49, 0) {
            let memory = memory()?;
            // SAFETY: the instruction reads 64 bytes there.
            self.configured = is_full_size(&unsafe { memory.row(0).read_unaligned() });
            return self.configured.then_some(4 + memory.length as i64);
        }
        if !self.configured {
            return None;
        }
        let length = match (opcode, prefix, mode) {
            (0x49, 3, 3) => {
                self.tiles[tile] = [[0; COLUMNS]; ROWS];
                1
            }
            (0x4b, 2 | 3, _) => {
                let memory = memory()?;
                for (index, row) in self.tiles[tile].iter_mut().enumerate() {
                    // SAFETY: the instruction reads or writes 64 bytes of each row.
                    unsafe {
                        if prefix == 3 {
                            *row = memory.row(index).read_unaligned();
                        } else {
                            memory.row(index).write_unaligned(*row);
                        }
                    }
                }
                memory.length
            }
            (0x5c, 2, 3) if other < 8 => {
                let [a, b] = [from, other].map(|tile| self.tiles[tile]);
                tdpbf16ps(&mut self.tiles[tile], &a, &b);
                1
            }
            _ => return None,
        };
        Some(4 + length as i64)
    }
}

/// True of palette 1 with eight tiles of full size, the only configuration that is emulated.
fn is_full_size(configuration: &[u32; COLUMNS]) -> bool {
    let bytes: Vec<u8> = configuration.iter().flat_map(|x| x.to_le_bytes()).collect();
    let (start, rest) = bytes.split_at(16);
    let (widths, heights) = rest.split_at(32);
    start[0] == 1
        && start[1..].iter().all(|byte| *byte == 0)
        && widths.chunks(2).take(8).all(|width| width == [64, 0])
        && widths[16..].iter().all(|byte| *byte == 0)
        && heights[..8].iter().all(|height| *height == 16)
        && heights[8..].iter().all(|byte| *byte == 0)
}

/// C += A · B of bf16 pairs in f32.
fn tdpbf16ps(
    c: &mut [[u32; COLUMNS]; ROWS],
    a: &[[u32; COLUMNS]; ROWS],
    b: &[[u32; COLUMNS]; ROWS],
) {
    let values = |pair: u32| [pair << 16, pair & 0xffff_0000].map(f32::from_bits);
    for (c_row, a_row) in c.iter_mut().zip(a) {
        for (column, c) in c_row.iter_mut().enumerate() {
            let mut halves = [0f32; 2];
            for (a_pair, b_row) in a_row.iter().zip(b) {
                let (left, right) = (values(*a_pair), values(b_row[column]));
                for half in 0..2 {
                    halves[half] = left[half].mul_add(right[half], halves[half]);
                }
            }
            *c = (f32::from_bits(*c) + (halves[0] + halves[1])).to_bits();
        }
    }
}
