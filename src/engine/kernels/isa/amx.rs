//! [`Amx`]: detection and configuration of AMX's tile registers
//! ([Intel SDM](https://www.intel.com/sdm), volume 1, chapter 18): eight of 16 rows of 64 bytes.

use std::arch::asm;
use std::cell::Cell;

#[cfg(all(test, target_os = "linux"))]
use super::amx_emulator;

/// The proof that the processor has AMX with bf16 and that the system lets us use it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(());

/// What `ldtilecfg` reads: all tiles have their full size, 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

thread_local! {
    /// Whether this thread's tiles are configured. They stay so: nothing else in the program uses them, and
    /// the system saves them over a context switch.
    static CONFIGURED: Cell<bool> = const { Cell::new(false) };
}

impl Amx {
    /// `None` without AMX or permission, which is the whole process's and asked for once.
    pub(crate) fn try_new() -> Option<Self> {
        use std::sync::OnceLock;
        static ALLOWED: OnceLock<bool> = OnceLock::new();
        let allowed = ALLOWED.get_or_init(|| has_instructions() && system_allows());
        allowed.then_some(Self(()))
    }

    /// The emulator where there is no AMX.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn emulated() -> Self {
        if Self::try_new().is_none() {
            amx_emulator::install();
        }
        Self(())
    }

    /// Loads the tile configuration, once a thread.
    #[expect(
        clippy::unused_self,
        reason = "`self` is the proof that there are registers"
    )]
    #[expect(unsafe_code, reason = "assembly that reads one constant")]
    pub(crate) fn configure(self) {
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

/// CPUID: AMX-BF16 and AMX-TILE, bits 22 and 24 of EDX of leaf 7.
fn has_instructions() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx >> 22 & 0b101 == 0b101
}

/// Asks Linux for permission to use tile data, which is too large for every thread's context
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
