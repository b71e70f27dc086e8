//! AMX ([Intel SDM](https://www.intel.com/sdm), volume 1, chapter 18): eight registers of 16 lines of
//! 64 bytes each, and an instruction that multiplies two of them. `tdpbf16ps` adds to 16 × 16 sums
//! the products of 16 rows of 16 pairs with 16 lines of 16 pairs, just as they lie in a panel.
//!
//! The compiler's own functions for it are not stable yet, so all of it is assembly; a product is one
//! piece of it, because registers are the compiler's between two.

#[cfg(all(test, target_os = "linux"))]
mod interpreter;

use std::arch::asm;
use std::cell::Cell;

use super::super::tile::TileSums;
use super::{LANES, PairTile};

/// Rows of a tile of a product: two registers of sums below each other, beside two others where a
/// panel has two vectors.
pub(super) const TILE_ROWS: usize = 2 * REGISTER_ROWS;
/// Lines of a register.
const REGISTER_ROWS: usize = 16;
/// Multiplications and additions of four products of whole registers, two for each pair.
pub(super) const FLOPS_OF_A_ROUND: usize = 4 * REGISTER_ROWS * LANES * LANES * 2 * 2;

/// The proof that the processor has AMX with bf16 and that the system lets us use it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles(());

/// What `ldtilecfg` reads: all registers are as large as they can be.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_a_line: [u16; 16],
    lines: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_of_a_line: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    lines: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

thread_local! {
    /// Whether this thread's registers are configured. They stay so: nothing else in the program
    /// uses them, and the system keeps them for a thread that waits.
    static CONFIGURED: Cell<bool> = const { Cell::new(false) };
}

impl Tiles {
    /// Where there are any. The permission is the whole program's; it is asked for once.
    pub(super) fn try_new() -> Option<Self> {
        use std::sync::OnceLock;
        static ALLOWED: OnceLock<bool> = OnceLock::new();
        let allowed = ALLOWED.get_or_init(|| has_instructions() && system_allows());
        allowed.then_some(Self(()))
    }

    /// Tiles that are interpreted where there are none.
    #[cfg(all(test, target_os = "linux"))]
    pub(super) fn interpreted() -> Self {
        if Self::try_new().is_none() {
            interpreter::install();
        }
        Self(())
    }

    /// Multiplies [`TILE_ROWS`] rows with a panel of `VECTORS` (1 or 2) vectors of pairs.
    #[expect(
        unsafe_code,
        reason = "what is read and written is checked once a tile"
    )]
    pub(super) fn multiply<const VECTORS: usize>(
        self,
        rows: PairTile<'_>,
        panel: &[u32],
        out: &mut TileSums<'_>,
    ) {
        let PairTile {
            pairs,
            stride,
            depth,
        } = rows;
        let width = VECTORS * LANES;
        rows.assert_fits(TILE_ROWS, panel, width, out);
        self.configure();
        let whole = depth / LANES;
        let rest = depth % LANES;
        let mut product = Product {
            rows: pairs.as_ptr(),
            rows_stride: stride,
            panel: panel.as_ptr(),
            steps: whole,
            sums: out.numbers.as_mut_ptr(),
            sums_stride: out.stride,
            onto: out.onto,
        };
        if whole > 0 || rest == 0 {
            // SAFETY: whole vectors of `depth` pairs of every row, as many lines of the panel, and
            // room for the sums of every row, as checked above; the registers are configured.
            unsafe { product.add::<VECTORS>() };
        }
        if rest > 0 {
            // What is left of each row and of the panel, filled up with zeros.
            let mut last_rows = [0; TILE_ROWS * LANES];
            let mut last_lines = [0; 2 * LANES * LANES];
            let after = whole * LANES;
            for (row, to) in last_rows.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                to[..rest].copy_from_slice(&pairs[row * stride + after..][..rest]);
            }
            last_lines[..rest * width].copy_from_slice(&panel[after * width..]);
            product = Product {
                rows: last_rows.as_ptr(),
                rows_stride: LANES,
                panel: last_lines.as_ptr(),
                steps: 1,
                onto: out.onto || whole > 0,
                ..product
            };
            // SAFETY: one vector of every row and 16 lines of at most 2 vectors, which the arrays
            // hold; room for the sums as above; the registers are configured.
            unsafe { product.add::<VECTORS>() };
        }
    }

    /// `rounds` times four products of registers that hold zeros; for measuring. The time they take
    /// does not depend on the numbers.
    #[expect(unsafe_code, reason = "assembly that touches no memory")]
    pub(super) fn multiply_adds(self, rounds: u64) -> f32 {
        self.configure();
        // SAFETY: a value of `Self` is only made where there are the instructions, and the registers
        // are configured; no memory is touched, and all registers are named.
        unsafe {
            asm!(
                "tilezero tmm4",
                "tilezero tmm5",
                "tilezero tmm6",
                "tilezero tmm7",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "dec {rounds}",
                "jnz 2b",
                rounds = inout(reg) rounds.max(1) => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, nomem),
            );
        }
        0.0
    }

    /// Once a thread.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof that there are registers"
    )]
    #[expect(unsafe_code, reason = "assembly that reads one constant")]
    fn configure(self) {
        if !CONFIGURED.get() {
            // SAFETY: a value of `Self` is only made where there is the instruction; it reads the 64
            // bytes of the constant, which say what the registers can hold.
            unsafe {
                asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly));
            }
            CONFIGURED.set(true);
        }
    }
}

/// A product of two registers' worth of rows. Strides are in numbers.
#[derive(Clone, Copy)]
struct Product {
    rows: *const u32,
    rows_stride: usize,
    panel: *const u32,
    /// Of 16 pairs of a row each.
    steps: usize,
    sums: *mut f32,
    sums_stride: usize,
    /// Whether the sums are added to what is there.
    onto: bool,
}

impl Product {
    /// Multiplies, and writes the sums.
    ///
    /// # Safety
    /// There must be [`TILE_ROWS`] rows of `steps` × 16 pairs, as many lines of `VECTORS` (1 or 2)
    /// vectors of the panel, and room for as many numbers of each row of sums, which nobody else
    /// uses meanwhile. The thread's registers must be configured.
    #[expect(unsafe_code, reason = "the caller's promise is handed on")]
    unsafe fn add<const VECTORS: usize>(self) {
        // SAFETY: as the caller promises.
        unsafe {
            if VECTORS == 1 {
                self.add_one();
            } else {
                self.add_two();
            }
        }
    }

    /// The bytes from one row of sums to the next, and where the lower 16 rows and sums begin.
    fn lower(&self) -> (usize, usize, usize) {
        let number = size_of::<f32>();
        let below = |stride: usize| stride * REGISTER_ROWS * number;
        (
            self.sums_stride * number,
            self.rows as usize + below(self.rows_stride),
            self.sums as usize + below(self.sums_stride),
        )
    }

    /// # Safety
    /// As of [`add`](Self::add), of one vector.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn add_one(self) {
        let (c_stride, lower_a, lower_c) = self.lower();
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            asm!(
                "test {onto:e}, {onto:e}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {c_stride}]",
                "tileloadd tmm2, [{lower_c} + {c_stride}]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm2",
                "3:",
                "test {steps}, {steps}",
                "jz 5f",
                "4:",
                "tileloadd tmm6, [{b} + {b_stride}]",
                "tileloadd tmm4, [{a} + {a_stride}]",
                "tileloadd tmm5, [{lower_a} + {a_stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "add {a}, 64",
                "add {lower_a}, 64",
                "add {b}, 1024",
                "dec {steps}",
                "jnz 4b",
                "5:",
                "tilestored [{c} + {c_stride}], tmm0",
                "tilestored [{lower_c} + {c_stride}], tmm2",
                onto = in(reg) u32::from(self.onto),
                a = inout(reg) self.rows => _,
                lower_a = inout(reg) lower_a => _,
                a_stride = in(reg) self.rows_stride * size_of::<u32>(),
                b = inout(reg) self.panel => _,
                b_stride = in(reg) LANES * size_of::<u32>(),
                c = in(reg) self.sums,
                lower_c = in(reg) lower_c,
                c_stride = in(reg) c_stride,
                steps = inout(reg) self.steps => _,
                out("tmm0") _, out("tmm2") _, out("tmm4") _, out("tmm5") _, out("tmm6") _,
                options(nostack),
            );
        }
    }

    /// # Safety
    /// As of [`add`](Self::add), of two vectors.
    #[expect(unsafe_code, reason = "assembly that reads and writes memory")]
    unsafe fn add_two(self) {
        let (c_stride, lower_a, lower_c) = self.lower();
        // SAFETY: the caller's promise covers all that is read and written; all registers that
        // change are named.
        unsafe {
            asm!(
                "test {onto:e}, {onto:e}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {c_stride}]",
                "tileloadd tmm1, [{c} + {c_stride} + 64]",
                "tileloadd tmm2, [{lower_c} + {c_stride}]",
                "tileloadd tmm3, [{lower_c} + {c_stride} + 64]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                "test {steps}, {steps}",
                "jz 5f",
                "4:",
                "tileloadd tmm6, [{b} + {b_stride}]",
                "tileloadd tmm4, [{a} + {a_stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {b_stride} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower_a} + {a_stride}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 64",
                "add {lower_a}, 64",
                "add {b}, 2048",
                "dec {steps}",
                "jnz 4b",
                "5:",
                "tilestored [{c} + {c_stride}], tmm0",
                "tilestored [{c} + {c_stride} + 64], tmm1",
                "tilestored [{lower_c} + {c_stride}], tmm2",
                "tilestored [{lower_c} + {c_stride} + 64], tmm3",
                onto = in(reg) u32::from(self.onto),
                a = inout(reg) self.rows => _,
                lower_a = inout(reg) lower_a => _,
                a_stride = in(reg) self.rows_stride * size_of::<u32>(),
                b = inout(reg) self.panel => _,
                b_stride = in(reg) 2 * LANES * size_of::<u32>(),
                c = in(reg) self.sums,
                lower_c = in(reg) lower_c,
                c_stride = in(reg) c_stride,
                steps = inout(reg) self.steps => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

/// What the processor says: AMX-BF16 and AMX-TILE, bits 22 and 24 of EDX of leaf 7.
fn has_instructions() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx >> 22 & 0b101 == 0b101
}

/// Asks Linux for the registers, which are too large to be given to every program
/// ([arch_prctl](https://docs.kernel.org/arch/x86/xstate.html), from 5.16 on).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call")]
fn system_allows() -> bool {
    const ARCH_PRCTL: usize = 158;
    const REQUEST_PERMISSION: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let mut answer = ARCH_PRCTL;
    // SAFETY: the call takes two numbers and no memory; a system that does not know it answers with
    // an error. It changes RCX and R11.
    unsafe {
        asm!(
            "syscall",
            inout("rax") answer,
            in("rdi") REQUEST_PERMISSION,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

/// How other systems are asked was not looked into.
#[cfg(not(target_os = "linux"))]
fn system_allows() -> bool {
    false
}
