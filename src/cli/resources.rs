//! What the process used.

/// Most memory the process held since it began, or since [`forget_peak`]; in bytes. `None` where
/// the system does not say.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Lets [`peak_rss_bytes`] begin anew from what is held now. False where the system cannot.
pub(super) fn forget_peak() -> bool {
    // See proc_pid_clear_refs(5).
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}
